/** Names what a file that is not an ONNX model looks like, so that the message says more than "invalid". */

/** Columns: where the mark stands, the mark, and what it tells. The first that matches wins. */
const marks: readonly (readonly [offset: number, mark: string, what: string])[] = [
  [0, '\x89PNG', 'a PNG picture'],
  [0, '\xff\xd8\xff', 'a JPEG picture'],
  [0, 'GIF8', 'a GIF picture'],
  [0, '%PDF', 'a PDF document'],
  [0, 'PK\x03\x04', 'a ZIP archive (a PyTorch checkpoint, a Keras model and an .npz are ones too)'],
  [0, '\x1f\x8b', 'a gzip archive (unpack it first)'],
  [0, 'BZh', 'a bzip2 archive (unpack it first)'],
  [0, '\xfd7zXZ', 'an xz archive (unpack it first)'],
  [0, '\x28\xb5\x2f\xfd', 'a zstd archive (unpack it first)'],
  [257, 'ustar', 'a tar archive (unpack it first)'],
  [0, '\x7fELF', 'a Linux program or library'],
  [0, '\x89HDF', 'an HDF5 file (Keras weights; convert them to ONNX)'],
  [0, '\x93NUMPY', 'a NumPy array'],
  [4, 'TFL3', 'a TensorFlow Lite model (convert it to ONNX)'],
  [4, 'ORTM', "a model in ONNX Runtime's own .ort format (use the .onnx it was made from)"],
  [0, 'GGUF', 'a GGUF model'],
  [0, '\x80\x02', 'a Python pickle (a PyTorch checkpoint; export it to ONNX)'],
  [0, '\x80\x04', 'a Python pickle (export the model to ONNX)'],
  [8, '{"', 'a safetensors file (weights without a graph; export the model to ONNX)'],
  [0, 'version https://git-lfs', 'a Git LFS pointer (fetch the file itself: git lfs pull)'],
  [0, '<!DOCTYPE', 'a web page (the download failed?)'],
  [0, '<html', 'a web page (the download failed?)'],
];

/** What the bytes look like, or undefined when nothing is known about them. */
export function looksLike(bytes: Uint8Array): string | undefined {
  // Latin-1 keeps each byte as the character of that number.
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  const found = marks.find(([offset, mark]) => start.startsWith(mark, offset));
  if (found) return found[2];
  // A model starts with a field tag below 0x20, so text can be told from it by the absence of control characters.
  const isText = /^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(start) && /^[\t\n\r\x20-\x7e]{4}/.test(start);
  return isText ? `text: ${JSON.stringify(start.slice(0, 40))}` : undefined;
}
