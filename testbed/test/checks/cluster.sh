# shellcheck shell=bash
# Checks of the running testbed, in a namespace of their own.

k() { "$TESTBED" kubectl "$@"; }
NAMESPACE=testbed-selftest

web_pod() { # NAME NODE
  k -n $NAMESPACE apply -f - <<END
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  nodeName: $2
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: "docker.io/testbed/pause:1", imagePullPolicy: Never, command: [/bin/busybox, sh, -c, "busybox mkdir -p /www; busybox echo $1 > /www/index.html; busybox httpd -f -p 8080 -h /www"]}]
---
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: 8080}]}
END
}

answers() { # ADDRESS TEXT: within 15 s
  local i
  for ((i = 0; i < 30; i++)); do
    [ "$(curl -s -m 2 "http://$1/")" = "$2" ] && return
    sleep 0.5
  done
  echo "http://$1/ did not answer '$2'"
  return 1
}
client_pod() { # NAME NODE: in an image with a shell that can open connections
  k -n $NAMESPACE apply -f - <<END
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  nodeName: $2
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: "docker.io/testbed/virt-launcher:$(cat /var/lib/virtquorum-testbed/manifests/version)", imagePullPolicy: Never, command: [sleep, "3600"]}]
END
}

answers_from_pod() { # POD ADDRESS TEXT: within 15 s
  # shellcheck disable=SC2016
  local get='exec 3<> "/dev/tcp/$1/80" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' i
  for ((i = 0; i < 30; i++)); do
    [ "$(k -n $NAMESPACE exec "$1" -- timeout 3 bash -c "$get" - "$2" 2> /dev/null)" = "$3" ] && return
    sleep 0.5
  done
  echo "http://$2/ did not answer '$3' in pod $1"
  return 1
}

claim() {
  k -n $NAMESPACE apply -f - <<END
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {storageClassName: local, volumeName: selftest-volume, accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
END
  k -n $NAMESPACE wait pvc/claim --for=jsonpath='{.status.phase}'=Bound --timeout=30s
}

volume_is_claimed_again() {
  "$TESTBED" volume add selftest-volume node2 64Mi && claim && k -n $NAMESPACE delete pvc claim || return 1
  k wait pv/selftest-volume --for=jsonpath='{.status.phase}'=Released --timeout=30s
  "$TESTBED" volume add selftest-volume node2 64Mi && claim && k -n $NAMESPACE delete pvc claim && "$TESTBED" volume remove selftest-volume
}

volume_comes_and_goes() {
  "$TESTBED" volume add selftest-volume node2 64Mi && k get pv selftest-volume && "$TESTBED" volume remove selftest-volume || return 1
  ! k get pv selftest-volume 2> /dev/null
}

second_up_changes_nothing() {
  local said
  said=$("$TESTBED" up 2>&1)
  echo "$said"
  [[ $said == *"the testbed is up"* && $said != *mending* && $said != *clearing* ]]
}

cluster_checks() {
  local service
  check "status finds nothing dead" "$TESTBED" status
  check "up on a running testbed changes nothing" second_up_changes_nothing
  check "a control plane alone beside it is refused" refuses "a testbed is up already" "$TESTBED" up control-plane
  k delete namespace $NAMESPACE --ignore-not-found > /dev/null
  k create namespace $NAMESPACE > /dev/null
  web_pod two node2 > /dev/null
  client_pod far node1 > /dev/null
  client_pod near node2 > /dev/null
  check "pods start" k -n $NAMESPACE wait pod/two pod/far pod/near --for=condition=Ready --timeout=60s
  service=$(k -n $NAMESPACE get service two -o 'jsonpath={.spec.clusterIP}')
  check "a pod answers the host" answers "$(k -n $NAMESPACE get pod two -o 'jsonpath={.status.podIP}'):8080" two
  check "a service answers the host" answers "$service" two
  check "a service answers a pod of another node" answers_from_pod far "$service" two
  check "a service answers a pod of the same node" answers_from_pod near "$service" two
  check "a volume comes and goes" volume_comes_and_goes
  check "a volume whose claim is gone can be claimed again" volume_is_claimed_again
  check "logs of a component are shown" "$TESTBED" logs kube-apiserver
  k delete namespace $NAMESPACE --wait=false > /dev/null
}
