# shellcheck shell=bash
# The story in five steps. Every command that is shown is the one that runs, and every figure was measured.

MEASURED=()

measured() { MEASURED+=("$1|$2"); } # WHAT FIGURES

step() { # TITLE; what came in meanwhile still belongs to the step before
  if [ ${#WATCHES[@]} -gt 0 ]; then news; fi
  heading "$1"
  STEP_BEGAN=$(now)
}

show_cluster() {
  shown "kubectl -n demo get hac"
  kubectl -n demo get hac | output
}

show_tally() { point "tally" "${SEEN[tally]}"; }

# --- 1 ---------------------------------------------------------------------------------------------------------------

make_machines() {
  local vm
  tell "Three Debian VMs with a web server, each on a node and a disk of its own. To Kubernetes they are three objects" \
    "of kind VirtualMachine; KubeVirt runs each in a QEMU process."
  for vm in "${MEMBERS[@]}"; do
    testbed/testbed volume add "demo-$vm" "node$(node_of "$vm")" 1Gi > /dev/null
  done
  shown "kubectl apply -f demo/vms.yaml"
  kubectl apply -f demo/vms.yaml | grep virtualmachine | output
  for vm in "${MEMBERS[@]}"; do
    wait_until 300 "$vm to boot and accept a login" "testbed/testbed kubectl -n demo get vmi,pods" reachable "$vm"
    report "$vm runs and accepts logins"
  done
}

fill() {
  local i vm
  mkdir -p "$WORK/site/catalogue"
  cp demo/site/index.html "$WORK/site/"
  for i in {1..60}; do head -c 65536 /dev/urandom > "$WORK/site/catalogue/$i.jpg"; done
  SITE_BYTES=$(find "$WORK/site" -type f -printf '%s\n' | awk '{n += $1} END {print n}')
  tell "They get the same content: a page and 60 pictures, $(thousands "$SITE_BYTES") bytes."
  for vm in "${MEMBERS[@]}"; do
    tar -C "$WORK/site" --owner=0 --group=0 -c . |
      timeout --foreground 120 testbed/testbed ssh "$vm" -n demo 'tar -C /srv/www -x && sync' ||
      fail "the content to be copied to $vm" "an error, see above" "testbed/testbed ssh $vm -n demo"
  done
  show_pages
}

in_sync() {
  step "1. One HACluster says that the three VMs hold the same state"
  make_machines
  fill
  blank
  apply_cluster
}

apply_cluster() {
  local began service
  tell "Now VirtQuorum is told about them, in $(grep -cv '^#' demo/hacluster.yaml) lines:"
  grep -v '^#' demo/hacluster.yaml | output
  shown "kubectl apply -f demo/hacluster.yaml"
  began=$(now)
  STEP_BEGAN=$began
  kubectl apply -f demo/hacluster.yaml | output
  tell "VirtQuorum adds a second network card and a sidecar (a container beside QEMU) to each VM and restarts them one" \
    "at a time, so that users always find two of them. Then each VM's files are fingerprinted and compared. The first" \
    "agreed state is epoch 1. The seconds count from the command:"
  observe
  follow 600 "all three members to be in sync" all_synced
  measured "applied to in sync" "$(seconds $(($(now) - began))), with a restart of each VM"
  QUIET_ABOUT_MEMBERS=no
  ADDRESS=$(kubectl -n demo get service web -o 'jsonpath={.spec.clusterIP}')
  show_cluster
  show_tally
  tell "A tally counts votes for fingerprints; these four characters are the beginning of the one of all files of a VM."
  service="The Service \"web\" gives users one address, $ADDRESS, which leads to the primary, ${SEEN[primary]}."
  tell "$service Its vote weighs more than the others' together, because that is where users write."
}

# --- 2 and 3 ---------------------------------------------------------------------------------------------------------

# One bit of the page changes on the disk image, from outside of the VM: nothing in the guest takes part.
rot() { # VM
  local vm=$1 block offset image at before
  tell "Where on the disk of $vm is the \"9\" of \"Open from 9 to 17\"?"
  in_guest "$vm" "sync; filefrag -v $PAGE" "grep -bo '9 to 17' $PAGE" "stat -c 'last change: %z' $PAGE"
  block=$(awk '$1 == "0:" {sub(/[.][.]/, "", $4); print $4; exit}' <<< "$SAID")
  offset=$(awk -F: '/:9 to 17$/ {print $1; exit}' <<< "$SAID")
  before=$(grep '^last change' <<< "$SAID")
  at=$((block * 4096 + offset))
  image=$STATE/nodes/$(node_of "$vm")/testbed-volumes/demo-$vm/disk.img
  [ "$(dd if="$image" bs=1 skip=$at count=1 status=none)" = 9 ] ||
    fail "byte $at of the disk to be the 9 of the page" "another byte" "$image"
  blank
  tell "The disk now returns another byte there: a \"1\", which is a \"9\" with one bit flipped. It is written from" \
    "outside, into the virtual disk itself, as a failing disk would do it."
  shown "disk=$image"
  shown "printf 1 | dd of=\$disk bs=1 seek=$at conv=notrunc,fsync"
  printf 1 | dd of="$image" bs=1 seek=$at conv=notrunc,fsync status=none
  blank
  tell "No one in the VM can notice: its memory still has the good page, and the file's time of change is untouched." \
    "Only a read past the memory shows what the disk holds."
  in_guest "$vm" "grep Open $PAGE" "stat -c 'last change: %z' $PAGE" \
    "dd if=$PAGE iflag=direct bs=4096 status=none | grep Open"
  grep -q 'from 1 to 17' <<< "$SAID" || fail "the disk to return the flipped byte" "$SAID" "$image"
  grep -qxF "$before" <<< "$SAID" || fail "the time of change to stay: $before" "$SAID" "$image"
}

audit_and_repair() { # VM LABEL
  local vm=$1 repairs=${#REPAIRS[@]} asked bytes repair sample rows copied took found
  follow 120 "all three members to be in sync before the audit" all_synced
  tell "An audit reads every byte from the disk again. It runs by itself from time to time, or when asked for:"
  bytes=$(sync_bytes)
  shown "kubectl -n demo annotate hac web virtquorum.io/audit=$vm --overwrite"
  asked=$(now)
  STEP_BEGAN=$asked
  DRIFTED_AT=0
  kubectl -n demo annotate hac web "virtquorum.io/audit=$vm" --overwrite > /dev/null
  tell "What VirtQuorum saw and did, with the seconds since then:"
  follow 180 "the rot on $vm to be found and repaired" repaired_since "$repairs" "$vm"
  took=$(($(now) - asked))
  found=$((DRIFTED_AT - asked))
  bytes=$(($(sync_bytes) - bytes))
  for repair in "${REPAIRS[@]:repairs}"; do
    if [ "${repair%%|*}" = "$vm" ]; then IFS='|' read -r _ sample rows copied _ <<< "$repair"; fi
  done
  show_cluster
  in_guest "$vm" "dd if=$PAGE iflag=direct bs=4096 status=none | grep Open"
  grep -q 'from 9 to 17' <<< "$SAID" || fail "the disk of $vm to hold the page again" "$SAID"
  tell "Repaired from $sample. Rows of fingerprints that differed: $rows. Bytes copied: $(thousands "$copied") of" \
    "$(thousands "$SITE_BYTES"). The bridge of the sync network carried $(thousands "$bytes") bytes in all."
  measured "$2" "found $(seconds $found) after the audit was asked for, repaired after $(seconds $took): rows: $rows, bytes: $(thousands "$copied")"
}

rot_on_secondary() {
  local vm
  for vm in "${MEMBERS[@]}"; do [ "$vm" = "${SEEN[primary]}" ] || break; done
  step "2. A byte rots on $vm, below its file system"
  rot "$vm"
  blank
  tell "VirtQuorum does not know yet either:"
  show_cluster
  audit_and_repair "$vm" "rot on a secondary"
}

rot_on_primary() {
  step "3. The same on the primary, ${SEEN[primary]}: it must lose in spite of its weight"
  tell "The primary outvotes the two others together, but only with what was written through its operating system." \
    "Content that changed while the file's time of change did not was written by nobody: then its vote counts as one."
  blank
  rot "${SEEN[primary]}"
  blank
  audit_and_repair "${SEEN[primary]}" "rot on the primary"
}

# --- 4 ---------------------------------------------------------------------------------------------------------------

edit() { # SED_EXPRESSION: by a user at the Service's address; committed when this returns
  local began epoch=${SEEN[epoch]} all=$2
  shown "ssh root@$ADDRESS \"sed -i '$1' $PAGE\""
  began=$(now)
  STEP_BEGAN=$began
  COMMITTED_AT=0
  at_address "sed -i '$1' $PAGE" || fail "the edit over ssh to work" "ssh failed" "ssh root@$ADDRESS (key: $STATE/id_ed25519)"
  report "the user's command has ended"
  EDITED=$(now)
  follow 120 "the user's edit to be committed as a new epoch" "$all" "$epoch"
}

users_edit() {
  step "4. A user edits the page on the primary: one fresh copy against two stale ones"
  tell "The user logs in at the cluster's address, which leads to ${SEEN[primary]}, and changes the opening hours. A count of" \
    "copies would call the edit wrong. It went through the primary's operating system, so its weight counts."
  edit 's/from 9 to 17/from 8 to 18/' epoch_after
  SYNCED=$(now)
  show_cluster
  tell "The page, from each VM's own web server:"
  show_pages
  expect_pages 'Open from 8 to 18'
  measured "a user's edit" "committed (on a majority) $(seconds $((COMMITTED_AT - EDITED))) after the command, on all three after $(seconds $((SYNCED - EDITED)))"
}

expect_pages() { # TEXT
  local vm
  for vm in "${MEMBERS[@]}"; do
    [[ ${PAGE_OF[$vm]} == *"$1"* ]] || fail "'$1' on the page of $vm" "${PAGE_OF[$vm]}"
  done
}

# --- 5 ---------------------------------------------------------------------------------------------------------------

kill_primary() {
  local old=${SEEN[primary]} pid killed dead uid gap lost
  step "5. The primary dies"
  tell "The QEMU process of $old is killed, as a crash would do it. Meanwhile the page is asked for ten times a second, at the" \
    "same address as ever, and the answer must contain the user's last edit."
  uid=$(kubectl -n demo get vmi "$old" -o 'jsonpath={.metadata.uid}')
  pid=$(qemu_of "$old") || fail "$old to have a QEMU process" "none was found"
  : > "$WORK/asked"
  ask 'Open from 8 to 18' &
  ASKING=$!
  wait_until 30 "the address to answer" "curl http://$ADDRESS/" answered_after 0
  shown "kill -9 $pid   # QEMU of $old"
  killed=$(now)
  STEP_BEGAN=$killed
  kill -9 "$pid"
  wait_until 10 "process $pid to be gone" "ps -p $pid" gone "$pid"
  dead=$(now) # only an answer to a question that was asked after this comes from another VM
  follow 120 "users to be led to another member" primary_is_not "$old"
  wait_until 60 "http://$ADDRESS/ to answer again" "testbed/testbed kubectl -n demo get endpointslices" answered_after "$dead"
  stop_asking
  gap=$(awk -v t="$dead" '$1 > t && $3 == "answer" {print $2; exit}' "$WORK/asked")
  gap=$((gap - killed))
  lost=$(awk -v t="$killed" '$2 > t && $3 == "silence" {n++} END {print n + 0}' "$WORK/asked")
  if grep -q wrong "$WORK/asked"; then fail "every answer to contain the user's edit" "a page without it" "curl http://$ADDRESS/"; fi
  show_cluster
  shown "curl http://$ADDRESS/"
  curl -sS -m 5 "http://$ADDRESS/" | output
  tell "The address answered $(seconds "$gap") after the kill, with the user's last edit. Requests without an answer: $lost."
  measured "primary killed" "$(seconds "$gap") until the same address answered, with the last edit; requests without an answer: $lost"
  blank
  meanwhile "$old" "$uid"
}

meanwhile() { # OLD UID: the user works on, and the killed VM returns and catches up
  local old=$1 began
  tell "The user goes on working while $old is away:"
  edit 's/Open from/Closed on Mondays, else open from/' committed_after
  tell "KubeVirt starts $old again. It returns as an ordinary member and gets what it missed:"
  began=$STEP_BEGAN
  follow 300 "$old to be back and in sync" returned "$old" "$2"
  show_cluster
  show_pages
  expect_pages 'Closed on Mondays, else open from 8 to 18'
  measured "the killed VM is back" "in sync $(seconds $(($(now) - began))) after the user's command began"
}

committed_after() { [ "${SEEN[epoch]:-0}" -gt "$1" ]; }

returned() { # VM UID_BEFORE
  all_synced && [ "$(kubectl -n demo get vmi "$1" -o 'jsonpath={.metadata.uid}')" != "$2" ]
}

# ---------------------------------------------------------------------------------------------------------------------

story() {
  local line
  in_sync
  rot_on_secondary
  rot_on_primary
  users_edit
  kill_primary
  heading "What was measured"
  for line in "${MEASURED[@]}"; do
    hanging "$INDENT$(printf '%-24s' "${line%%|*}")" "$INDENT$(printf '%-24s' '')" <<< "${line#*|}"
  done
  heading "Everything is left running"
  point "look" "testbed/testbed kubectl -n demo describe hac web"
  point "log in" "ssh -i $STATE/id_ed25519 root@$ADDRESS"
  point "remove" "tools/demo remove (VMs and operator), testbed/testbed down (the whole cluster)"
}
