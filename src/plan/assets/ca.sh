# A CA bundle, where the build was given one, beside what the image trusts: in a file that lies in memory and that every
# user may read. What programs call it: node, OpenSSL, apk, curl, git, pip.
ca=
for given in /run/secrets/ca "${BACKSTAGE_BUILD_CA:-}"; do
  if [ -z "$ca" ] && [ -n "$given" ] && [ -f "$given" ]; then
    ca=/tmp/backstage-build-ca.pem
    : >"$ca"
    for known in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem "$given"; do
      [ ! -f "$known" ] || { cat "$known" && echo; } >>"$ca"
    done
    chmod 644 "$ca"
    export NODE_EXTRA_CA_CERTS="$ca" SSL_CERT_FILE="$ca" SSL_CA_CERT_FILE="$ca" CURL_CA_BUNDLE="$ca"
    export GIT_SSL_CAINFO="$ca" REQUESTS_CA_BUNDLE="$ca" PIP_CERT="$ca"
  fi
done
