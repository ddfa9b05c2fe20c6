# Installs the packages that are its arguments, with whatever package manager the image has.
if command -v apt-get >/dev/null; then
  rm -f /etc/apt/apt.conf.d/docker-clean
  apt() { apt-get ${ca:+-o "Acquire::https::CAInfo=$ca"} "$@"; }
  apt update -qq
  # A snapshot needs no fsync for each file.
  apt install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 "$@"
  exit
elif command -v apk >/dev/null; then
  exec apk add --no-cache "$@"
elif command -v microdnf >/dev/null; then
  exec microdnf install -y --setopt=install_weak_deps=0 "$@"
elif command -v dnf >/dev/null; then
  exec dnf install -y --setopt=install_weak_deps=False ${ca:+"--setopt=sslcacert=$ca"} "$@"
fi
echo "this image has no package manager that is known (apt-get, apk, microdnf, dnf)" >&2
exit 1
