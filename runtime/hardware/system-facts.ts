/** Board and system names where the kernel's files lack them (a PC, a virtual machine). Loads its library only when asked. */

export type SystemFacts = { readonly board?: string; readonly os?: string };

/** Never fails: a system that does not name itself is a gap in the report. */
export async function describeSystem(): Promise<SystemFacts> {
  // Loaded late: the library costs time and memory that the agent does not have to pay on a board with a device tree.
  const { osInfo, system } = await import('systeminformation');
  const [machine, os] = await Promise.all([system(), osInfo()]);
  const board = [machine.manufacturer, machine.model].filter(isTelling).join(' ');
  return { ...(board === '' ? {} : { board }), ...(os.distro === '' ? {} : { os: `${os.distro} ${os.release}` }) };
}

/** Firmware that nobody filled in says so in words. */
function isTelling(text: string): boolean {
  return text !== '' && !/^(unknown|default string|to be filled|system manufacturer|system product name)/i.test(text);
}
