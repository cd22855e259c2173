# shellcheck shell=bash
# Certificates and kubeconfigs of the cluster.

certificate() { # NAME SUBJECT [NAMES]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr" 2> /dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=clientAuth,serverAuth\n' "${3:-DNS:$1}") 2> /dev/null
  rm "$1.csr"
}

make_pki() {
  [ ! -e "$STATE/pki/complete" ] || return 0
  mkdir -p "$STATE/pki"
  (cd "$STATE/pki" && issue_all)
  touch "$STATE/pki/complete"
}

issue_all() {
  local n user
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=testbed-ca -keyout ca.key -out ca.crt 2> /dev/null
  openssl genrsa -out sa.key 2048 2> /dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2> /dev/null
  certificate apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:10.96.0.1,IP:$HOST_ADDRESS,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  certificate admin /O=system:masters/CN=admin
  certificate kcm /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  certificate front /CN=front-proxy
  for n in "${NODES[@]}"; do certificate "node$n" "/O=system:nodes/CN=system:node:node$n" "DNS:node$n,IP:$(node_address "$n")"; done
  for user in admin kcm scheduler proxy "${NODES[@]/#/node}"; do kubeconfig "$user" > "$STATE/$user.kubeconfig"; done
  chmod 600 ./*.key "$STATE"/*.kubeconfig
}

kubeconfig() { # self-contained, so that it can be copied
  cat <<END
apiVersion: v1
kind: Config
clusters: [{name: testbed, cluster: {server: "$API_SERVER", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: testbed, context: {cluster: testbed, user: $1}}]
current-context: testbed
END
}
