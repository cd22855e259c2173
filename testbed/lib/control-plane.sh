# shellcheck shell=bash disable=SC2034
# etcd, kube-apiserver, kube-controller-manager and kube-scheduler, on the host.

CONTROL_PLANE=(etcd kube-apiserver kube-controller-manager kube-scheduler)

k() { "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }
api_ready() { k get --raw /readyz --request-timeout=5s > /dev/null 2>&1; }

free_port() { # ADDRESS PORT WHOM
  ! ss -Hltn "src $1 and sport = :$2" | grep -q . || die "port $2 on $1, which the testbed's $3 needs, is taken by: $(ss -Hltnp "src $1 and sport = :$2" | awk '{print $NF; exit}')"
}

start_etcd() {
  alive etcd && return
  free_port 127.0.0.1 2379 etcd
  start etcd "$STATE/bin/etcd" --name testbed --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
}

start_api_server() {
  local pki=$STATE/pki
  alive kube-apiserver && return
  # Webhooks and aggregated APIs (virt-api) are reached by pod address: the host has no kube-proxy.
  start kube-apiserver "$STATE/bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address="$HOST_ADDRESS" --advertise-address="$HOST_ADDRESS" --secure-port=6443 \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range="$SERVICE_RANGE" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --enable-aggregator-routing=true --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User --proxy-client-cert-file="$pki/front.crt" --proxy-client-key-file="$pki/front.key"
}

start_controllers() {
  local pki=$STATE/pki
  alive kube-controller-manager || start kube-controller-manager "$STATE/bin/kube-controller-manager" \
    --kubeconfig="$STATE/kcm.kubeconfig" --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --use-service-account-credentials=true --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --leader-elect=false
  alive kube-scheduler || start kube-scheduler "$STATE/bin/kube-scheduler" --kubeconfig="$STATE/scheduler.kubeconfig" --leader-elect=false
}

start_control_plane() {
  start_etcd
  start_api_server
  wait_for 180 "the API server" "$STATE/logs/kube-apiserver.log (and etcd.log)" api_ready
  start_controllers
}
