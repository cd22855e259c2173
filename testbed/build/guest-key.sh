# shellcheck shell=bash
# The key pair with which one logs in to guest-debian as root, and its host keys (made once: a guest boots faster without).

ssh-keygen -q -t ed25519 -N '' -C testbed -f "$OUT/id_ed25519"
ssh-keygen -q -t ed25519 -N '' -C guest -f "$OUT/ssh_host_ed25519_key"
