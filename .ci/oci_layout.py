"""An OCI image layout of the artifacts, each with its bill of materials as a referrer.

A component is an artifact as the wasm working group of CNCF describes it: one layer, the component itself. The
Proxy-Wasm filter is an image of one file, `plugin.wasm`, which is what Istio and Envoy Gateway take. The names in
the index are those of the repositories, such as `plugin`; `plugin.referrers` is the index of the artifact's
referrers, which registries without an API for them have under the tag `sha256-DIGEST`.

The WIT package and the libraries are also at the names at which tools for packages look: `ccs:modules` in the
repository `ccs/modules`, and the library `plugin`, as `ccs:modules-plugin`, in `ccs/modules-plugin`.
"""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BILL = "application/vnd.cyclonedx+json"

FILTER = "proxy-wasm"
"""The artifact that is an image."""

LIBRARIES = ["ccs-http", "ccs-keyvalue", "ccs-redis", "plugin", "standalone"]
"""The artifacts that are composed with other components, and so are packages too."""

PACKAGE = "ccs/modules"
"""The repository of the WIT package."""

PREFIX = "org.opencontainers.image"
REF_NAME = f"{PREFIX}.ref.name"


def write(artifacts: Path, contract: Path, about: str, folder: Path, common: dict[str, str]) -> dict[str, str]:
    """Writes a layout of every artifact in a folder, and of the WIT package, which is about this. All have the
    annotations `common`. Returns the digests of the artifacts by their names."""
    layout = Layout(folder)
    created = common[f"{PREFIX}.created"]

    def manifest(file: Path, about: str, packed: tuple[dict, dict]) -> dict:
        annotations = {f"{PREFIX}.title": file.name, f"{PREFIX}.description": about, **common}
        return layout.manifest(*packed, annotations=annotations)

    packed = layout.component(contract.read_bytes(), "wasip2", created)
    manifests = [{**manifest(contract, about, packed), "annotations": {REF_NAME: PACKAGE}}]
    digests = {}
    for file in sorted(artifacts.glob("*.wasm")):
        name = file.stem.removeprefix("ccs_modules_").replace("_", "-")
        bill = file.with_suffix(".cdx.json").read_bytes()
        about = json.loads(bill)["metadata"]["component"]["description"]
        system = "wasip2" if about.startswith("component") else "wasip1"
        if name == FILTER:
            packed = layout.image(file.read_bytes(), created)
        else:
            packed = layout.component(file.read_bytes(), system, created)
        artifact = manifest(file, about, packed)
        digests[name] = artifact["digest"]

        referrers = layout.index([layout.referrer(artifact, bill, created)])
        for repository in [name, f"{PACKAGE}-{name}"] if name in LIBRARIES else [name]:
            manifests.append({**artifact, "annotations": {REF_NAME: repository}})
            manifests.append({**referrers, "annotations": {REF_NAME: f"{repository}.referrers"}})
    layout.finish(manifests)
    return digests


class Layout:
    """A layout that is being written."""

    def __init__(self, folder: Path):
        self._folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)

    def component(self, wasm: bytes, system: str, created: str) -> tuple[dict, dict]:
        """The configuration and the layer of a component, or of a module for WASI preview 1."""
        layer = self._blob("application/wasm", wasm)
        config = {
            "created": created,
            "architecture": "wasm",
            "os": system,
            "layerDigests": [layer["digest"]],
        }
        return self._json("application/vnd.wasm.config.v0+json", config), layer

    def image(self, wasm: bytes, created: str) -> tuple[dict, dict]:
        """The configuration and the layer of an image whose one file is `plugin.wasm`."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            entry = tarfile.TarInfo("plugin.wasm")
            entry.size = len(wasm)
            tar.addfile(entry, io.BytesIO(wasm))
        packed = gzip.compress(archive.getvalue(), mtime=0)
        layer = self._blob("application/vnd.oci.image.layer.v1.tar+gzip", packed)
        config = {
            "created": created,
            "architecture": "wasm",
            "os": "wasi",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(archive.getvalue())]},
        }
        return self._json("application/vnd.oci.image.config.v1+json", config), layer

    def referrer(self, subject: dict, bill: bytes, created: str) -> dict:
        """A bill of materials that refers to an artifact."""
        config = self._json("application/vnd.oci.empty.v1+json", {})
        more = {"artifactType": BILL, "subject": subject}
        annotations = {f"{PREFIX}.created": created}
        manifest = self.manifest(config, self._blob(BILL, bill), annotations=annotations, **more)
        return {**manifest, "artifactType": BILL, "annotations": annotations}

    def manifest(self, config: dict, layer: dict, **more) -> dict:
        made = {"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "config": config, "layers": [layer]}
        return self._json(IMAGE_MANIFEST, {**made, **more})

    def index(self, manifests: list[dict]) -> dict:
        return self._json(IMAGE_INDEX, _index(manifests))

    def finish(self, manifests: list[dict]) -> None:
        (self._folder / "oci-layout").write_bytes(_text({"imageLayoutVersion": "1.0.0"}))
        (self._folder / "index.json").write_bytes(_text(_index(manifests)))

    def _json(self, media_type: str, value: dict) -> dict:
        return self._blob(media_type, _text(value))

    def _blob(self, media_type: str, data: bytes) -> dict:
        """Writes a blob. Returns its descriptor."""
        digest = _digest(data)
        (self._folder / "blobs" / digest.replace(":", "/")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _index(manifests: list[dict]) -> dict:
    return {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests}


def _text(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
