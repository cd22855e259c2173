# shellcheck shell=bash disable=SC2034
# Where things are, and the names and addresses of the testbed.

CACHE=${VIRTQUORUM_CACHE:-/var/cache/virtquorum}   # what `build` makes; may be deleted at any time while nothing runs
STATE=/var/lib/virtquorum-testbed                  # what `up` makes; one testbed a machine, so one fixed place
KUBECONFIG_FILE=$STATE/admin.kubeconfig

NODES=(1 2 3)
FABRIC=vqfab            # bridge that joins the nodes; the host is 10.89.0.1 on it, node N is 10.89.0.1N
SYNC_FABRIC=vqsync      # bridge that joins the nodes' own `vqsync` bridges: the sync network
HOST_ADDRESS=10.89.0.1
SERVICE_RANGE=10.96.0.0/16
POD_RANGE=10.88.0.0/16  # node N has 10.88.N.0/24
API_SERVER=https://$HOST_ADDRESS:6443
STORAGE_CLASS=local

node_address() { echo "10.89.0.1$1"; }
node_pods() { echo "10.88.$1.0/24"; }

# "node2" or "2" -> 2
node_number() {
  local n=${1#node}
  [[ " ${NODES[*]} " == *" $n "* ]] || die "there is no node '$1': the nodes are ${NODES[*]/#/node}."
  echo "$n"
}
