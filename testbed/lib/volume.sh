# shellcheck shell=bash
# Static local volumes: a directory in a node and its PersistentVolume. KubeVirt makes the disk image in it.

volume() {
  local verb=${1:-}
  case $verb in
    add) [ $# = 4 ] || die "usage: testbed volume add NAME NODE SIZE (for example: testbed volume add web-0 node1 2Gi)"; volume_add "$2" "$(node_number "$3")" "$4" ;;
    remove) [ $# = 2 ] || die "usage: testbed volume remove NAME"; volume_remove "$2" ;;
    *) die "usage: testbed volume add NAME NODE SIZE | testbed volume remove NAME" ;;
  esac
}

volume_add() {
  local name=$1 n=$2 size=$3 other
  [[ $name =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] || die "'$name' is not a name for a volume: small letters, digits, dots and dashes."
  [[ $size =~ ^[0-9]+(Mi|Gi)$ ]] || die "'$size' is not a size: for example 512Mi or 2Gi."
  alive kube-apiserver || die "the testbed is not up. Start it with: testbed up"
  for other in "${NODES[@]}"; do
    [ "$other" = "$n" ] || [ ! -d "$(node_dir "$other")/testbed-volumes/$name" ] || die "a volume '$name' is already on node$other. Remove it first: testbed volume remove $name"
  done
  mkdir -p "$(node_dir "$n")/testbed-volumes/$name"
  chown 107:107 "$(node_dir "$n")/testbed-volumes/$name"
  k apply -f - > /dev/null <<END
apiVersion: v1
kind: PersistentVolume
metadata: {name: $name, labels: {testbed: "true"}}
spec:
  capacity: {storage: $size}
  accessModes: [ReadWriteOnce]
  volumeMode: Filesystem
  storageClassName: $STORAGE_CLASS
  persistentVolumeReclaimPolicy: Retain
  local: {path: /var/lib/testbed-volumes/$name}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node$n]}]}]}}
END
  # one whose claim is gone (with its namespace, say) is free again, with the data that it has
  if [ "$(k get pv "$name" -o 'jsonpath={.status.phase}')" = Released ]; then
    k patch pv "$name" --type=json -p '[{"op": "remove", "path": "/spec/claimRef"}]' > /dev/null
  fi
  echo "volume $name: $size on node$n"
}

volume_remove() {
  local name=$1 n
  [[ $name =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] || die "'$name' is not a name of a volume."
  k delete pv "$name" --ignore-not-found --wait=false > /dev/null
  # a claim that still exists would keep the object for good: its data is going anyway
  k patch pv "$name" --type=merge -p '{"metadata":{"finalizers":null}}' > /dev/null 2>&1 || true
  for n in "${NODES[@]}"; do rm -rf "$(node_dir "$n")/testbed-volumes/$name"; done
  echo "volume $name removed"
}
