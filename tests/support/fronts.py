"""The examples of deploy/ for the servers in front of a hub, each started as its file stands, on ports of its own.

`python -m tests.support.fronts` installs the missing ones in a container.
"""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.child import Child
from tests.support.ports import HOST, free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PACKAGES = ("nginx-light", "caddy", "haproxy", "apache2-bin")
_DIRECTORIES = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", str(Path(sys.executable).parent))
_CERTIFICATES = "/etc/letsencrypt/live/updates.example.org"
_INSTALL_WITHIN_S = 100
_APACHE_MODULES = (
    "mpm_event", "authz_core", "ssl", "socache_shmcb", "http2", "headers", "alias", "asis", "proxy", "proxy_http",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What an example needs on a test's machine: a folder with a certificate and its key, ports, a hub."""

    directory: Path
    hub: int
    http: int
    https: int

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    def write(self, example: str, changes: dict[str, str], *, name: str = "") -> Path:
        """A copy of the example for this place. Each of `changes` has to be in the file."""
        text = (DEPLOY / example).read_text()
        for old, new in changes.items():
            assert old in text, f"{example} has no {old!r}"
            text = text.replace(old, new)
        text = text.replace(f"{_CERTIFICATES}/fullchain.pem", str(self.certificate))
        text = text.replace(f"{_CERTIFICATES}/privkey.pem", str(self.key))
        text = text.replace("127.0.0.1:8000", f"{HOST}:{self.hub}").replace("updates.example.org", "localhost")
        path = self.directory / (name or Path(example).name)
        path.write_text(text)
        return path


def _nginx(place: Place) -> list[str]:
    changes = {
        "listen 80;": f"listen {HOST}:{place.http};",
        "listen 443 ": f"listen {HOST}:{place.https} ",
    }
    site = place.write("proxies/nginx.conf", changes, name="site.conf")
    # As Debian's own file includes a site, but with everything under the test's folder.
    (place.directory / "nginx.conf").write_text(
        f"{_nginx_user()}pid {place.directory}/pid;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {place.directory}; include {site}; }}\n"
    )
    return ["nginx", "-c", str(place.directory / "nginx.conf"), "-p", str(place.directory), "-g", "daemon off;"]


def _nginx_of_compose(place: Place) -> list[str]:
    changes = {
        "listen 8080;": f"listen {HOST}:{place.http};",
        "hub-1:8000": f"{HOST}:{place.hub}",
        "hub-2:8000": f"{HOST}:{free_port()}",  # A hub that is away.
        "/tmp/nginx.pid": f"{place.directory}/pid",
        "access_log off;": f"access_log off; client_body_temp_path {place.directory};",
    }
    path = place.write("nginx.conf", changes)
    path.write_text(_nginx_user() + path.read_text())
    return ["nginx", "-c", str(path), "-p", str(place.directory), "-g", "daemon off;"]


def _nginx_user() -> str:
    return "user root;\n" if os.geteuid() == 0 else ""  # Another user could not enter the test's folder.


def _caddy(place: Place) -> list[str]:
    ports = f"\thttp_port {place.http}\n\thttps_port {place.https}"
    site = f"localhost:{place.https} {{\n\tbind {HOST}\n\ttls {place.certificate} {place.key}\n"
    changes = {
        "grace_period 5s": f"grace_period 1s\n\tadmin off\n\tstorage file_system {place.directory}\n{ports}",
        "updates.example.org {": site,
    }
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(place.write("proxies/Caddyfile", changes))]


def _haproxy(place: Place) -> list[str]:
    both = place.directory / "both.pem"
    both.write_text(place.certificate.read_text() + place.key.read_text())
    changes = {
        "bind :80": f"bind {HOST}:{place.http}",
        "bind :443 ": f"bind {HOST}:{place.https} ",
        "crt /etc/haproxy/updates.example.org.pem": f"crt {both}",
        "maxconn 20000": "maxconn 100",
    }
    return ["haproxy", "-db", "-f", str(place.write("proxies/haproxy.cfg", changes))]


def _apache(place: Place) -> list[str]:
    shutil.copy(DEPLOY / "proxies/no-hub.asis", place.directory)
    changes = {
        "*:80>": f"{HOST}:{place.http}>",
        "*:443>": f"{HOST}:{place.https}>",
        "/etc/apache2/no-hub.asis": f"{place.directory}/no-hub.asis",
    }
    site = place.write("proxies/apache.conf", changes, name="site.conf")
    modules = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in _APACHE_MODULES]
    (place.directory / "apache2.conf").write_text(
        f"{''.join(modules)}ServerName localhost\nServerRoot {place.directory}\nDefaultRuntimeDir {place.directory}\n"
        f"PidFile pid\nErrorLog /dev/stderr\nListen {HOST}:{place.http}\nListen {HOST}:{place.https}\n"
        f"Include {site}\n"
    )
    return ["apache2", "-X", "-f", str(place.directory / "apache2.conf")]


def _traefik(place: Place) -> list[str]:
    routes = place.write("proxies/traefik/tidewire.yaml", {})
    changes = {
        '":80"': f'"{HOST}:{place.http}"',
        '":443"': f'"{HOST}:{place.https}"',
        "to: websecure": f'to: ":{place.https}"',
        "/etc/traefik/tidewire.yaml": str(routes),
    }
    return ["traefik", f"--configFile={place.write('proxies/traefik/traefik.yaml', changes)}"]


_EXAMPLES: dict[str, Callable[[Place], list[str]]] = {
    "nginx": _nginx,
    "nginx of compose": _nginx_of_compose,
    "caddy": _caddy,
    "haproxy": _haproxy,
    "apache": _apache,
    "traefik": _traefik,
}
_PROGRAMS = {"nginx of compose": "nginx", "apache": "apache2"}


class Front:
    """One running server of the examples, in front of a hub's port."""

    def __init__(self, name: str, directory: Path, hub: int, authority: trustme.CA) -> None:
        """`authority` signs its certificate."""
        directory.mkdir()
        place = Place(directory, hub, free_port(), free_port())
        issued = authority.issue_cert("localhost", HOST)
        issued.cert_chain_pems[0].write_to_path(place.certificate)
        issued.private_key_pem.write_to_path(place.key)
        program, *arguments = _EXAMPLES[name](place)
        found = _find(program)
        assert found is not None, f"{program} is not on this machine"
        has_tls = name != "nginx of compose"
        self.name, self._trust = name, ssl.create_default_context()
        authority.configure_trust(self._trust)
        self.url = f"https://localhost:{place.https}" if has_tls else f"http://localhost:{place.http}"
        self.plain_url = f"http://localhost:{place.http}"
        home = {name: str(directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        self._child = Child([found, *arguments], directory / "log", cwd=directory, env={**os.environ, **home})

    def start(self) -> None:
        """Returns once the hub answers through it."""
        self._child.start(self._answers, within=15)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5, context=self._trust) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def close(self) -> None:
        """At once, whoever is connected; nginx alone has processes of its own to end before that."""
        self._child.end(signal.SIGTERM if "nginx" in self.name else signal.SIGKILL, within=15)


def installed() -> list[str]:
    """The examples whose server is on this machine."""
    return [name for name in _EXAMPLES if _find(_PROGRAMS.get(name, name))]


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join(_DIRECTORIES))


def _install() -> None:
    """Install what is missing, but not where an init system would start the packages' own services."""
    if set(installed()) >= {"nginx", "caddy", "haproxy", "apache"}:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get") or Path("/run/systemd/system").exists():
        print(f"The examples of deploy/ are tested where their servers are installed: {', '.join(PACKAGES)}.")
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # Level 1 starts no service.
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    for step in (["apt-get", "update", "-qq"], install):
        print(f"For the examples of deploy/: {' '.join(step)}", flush=True)
        try:
            subprocess.run(
                step, timeout=_INSTALL_WITHIN_S, stdin=subprocess.DEVNULL, capture_output=True, env=quiet, check=True
            )
        except subprocess.SubprocessError as error:
            print(f"Not installed, so not tested: {error}")
            return


if __name__ == "__main__":
    _install()
