# shellcheck shell=bash
# Multus' resource definition, KubeVirt, and the storage class: what is applied to the cluster.

apply_manifests() {
  local version files=$STATE/manifests
  version=$(cat "$files/version")
  k create namespace kubevirt --dry-run=client -o yaml | k apply -f - > /dev/null
  k apply --server-side --force-conflicts -f "$files/kv.yaml" > /dev/null
  k apply -f "$files/network-attachment-definition.yaml" -f "$files/priorityclass.yaml" -f "$files/operator-rbac.yaml" \
    -f "$files/storage-class.yaml" > /dev/null
  k wait crd/kubevirts.kubevirt.io --for=condition=Established --timeout=60s > /dev/null
  sed "s/@VERSION@/$version/g" "$files/kubevirt.yaml" | k apply -f - > /dev/null
}

kubevirt_phase() { k -n kubevirt get kubevirt kubevirt -o 'jsonpath={.status.phase}' 2> /dev/null; }
kubevirt_deployed() {
  [ "$(k -n kubevirt get kubevirt kubevirt -o 'jsonpath={.status.phase} {.status.conditions[?(@.type=="Available")].status}' 2> /dev/null)" = "Deployed True" ]
}
