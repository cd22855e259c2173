#!/usr/bin/env python3
"""docker-archive.py OUT.tar LAYER.tar NAME|USER|ENTRYPOINT...: one docker-archive with an image for each name over one layer."""
import hashlib, io, json, sys, tarfile

out, layer, specs = sys.argv[1], sys.argv[2], sys.argv[3:]
digest = hashlib.sha256()
with open(layer, "rb") as f:
    while block := f.read(1 << 20):
        digest.update(block)

def add(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))

with tarfile.open(out, "w") as archive:
    manifest = []
    for spec in specs:
        name, user, entrypoint = spec.split("|")
        config = json.dumps({
            "architecture": "amd64", "os": "linux",
            "config": {"User": user, "Entrypoint": entrypoint.split() or None,
                       "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest.hexdigest()]}}).encode()
        file = hashlib.sha256(config).hexdigest() + ".json"
        add(archive, file, config)
        manifest.append({"Config": file, "RepoTags": ["docker.io/" + name], "Layers": ["layer.tar"]})
    archive.add(layer, "layer.tar")
    add(archive, "manifest.json", json.dumps(manifest).encode())
