/** `openssl.cnf` of a site's authority: where its files are, and what each kind of certificate may be used for (RFC 5280 §4.2.1). */

export function authorityConfig(siteName: string): string {
  return `# Written by octet provision. The folder is one of openssl ca: openssl ca -config openssl.cnf …
[ca]
default_ca = site

[site]
dir = .
database = $dir/index.txt
new_certs_dir = $dir/issued
rand_serial = yes
certificate = $dir/ca.pem
private_key = $dir/ca.key
crlnumber = $dir/crlnumber
default_md = sha256
policy = any
copy_extensions = none
unique_subject = no

[any]
organizationName = optional
organizationalUnitName = optional
commonName = supplied

[req]
prompt = no
string_mask = utf8only
distinguished_name = authority_name

[authority_name]
O = octet
CN = ${siteName}

[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[broker]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $ENV::OCTET_HOSTS

[device]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth

[operator]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;
}
