"""A real SLURM of two nodes on one machine, in a temporary folder: munged, slurmctld and two slurmd
of its own, with ports, key, state and configuration that touch no other SLURM that may be there."""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator

NODES, CPUS, GPUS = 2, 32, 4  # what each node is declared to have, whatever is real
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel")
# srun hands these to its steps, or takes them for flags: none may come from around the tests
FOREIGN = ("SLURM_", "SBATCH_", "SRUN_", "PMIX_", "PMI_", "OMPI_COMM_", "CUDA_VISIBLE_DEVICES")

SLURM_CONF = r"""
ClusterName=fod
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also what a requeued job waits before it starts again
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
TmpFS={folder}/%n
# no cgroups, no accounting: a container has neither
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=10
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
MailProg=/bin/true
NodeName=DEFAULT CPUs={cpus} SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
  RealMemory=64000 Gres=gpu:{gpus} State=UNKNOWN
{nodes}
PartitionName=fod Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP
"""


def missing() -> list[str]:
    """Programs of SLURM and munge that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]


def search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # where the daemons are


def installable() -> bool:
    """Whether tests/install_slurm.sh can install them here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, condition: Callable[[], bool], timeout: float,
               pause: float = 0.1) -> None:
    """@raises TimeoutError naming what did not come true"""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(pause)


def die_with_parent() -> None:
    """In a child before exec: no daemon outlives a test run that was killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Slurm:
    """A running SLURM, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(FOREIGN)}
        self.env |= {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": search_path(),
                     "LC_ALL": "C.UTF-8"}
        # Ranks of both nodes would use the same names in the shared memory of the one machine.
        self.env |= {"OMPI_MCA_btl": "self,tcp", "OMPI_MCA_btl_tcp_if_include": "lo"}

    def start(self) -> None:
        nodes = [f"node{i}" for i in range(NODES)]
        for name in ("state", *nodes):
            (self.folder / name).mkdir()
        self._write_configuration(nodes)
        key, munge_socket = self.folder / "munge.key", self.folder / "munge.socket"
        subprocess.run(["mungekey", "--create", f"--keyfile={key}"], check=True, env=self.env)
        files = (f"--{kind}-file={self.folder}/munged.{kind}" for kind in ("pid", "log", "seed"))
        self._spawn("munged", "--foreground", f"--key-file={key}", f"--socket={munge_socket}",
                    *files)
        wait_until("munged opens its socket", lambda: munge_socket.exists() or self._check(), 20)
        self._spawn("slurmctld", "-D", "-i")
        for node in nodes:
            self._spawn("slurmd", "-D", "-N", node)
        wait_until("the nodes are idle", self._idle, 60)

    def _write_configuration(self, nodes: list[str]) -> None:
        host = socket.gethostname().partition(".")[0]
        values = {"folder": self.folder, "host": host,
                  "user": getpass.getuser(), "cpus": CPUS, "gpus": GPUS,
                  "controller_port": free_port(),
                  "nodes": "\n".join(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 "
                                     f"Port={free_port()}" for node in nodes)}
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        for i in range(GPUS):  # character devices that are no GPUs, for the masks alone
            self._imitate_gpu(self.folder / f"gpu{i}")
        (self.folder / "gres.conf").write_text(
            f"AutoDetect=off\nName=gpu File={self.folder}/gpu[0-{GPUS - 1}]\n")

    @staticmethod
    def _imitate_gpu(device: Path) -> None:
        try:
            os.mknod(device, 0o20666, os.makedev(1, 3))
        except PermissionError:  # a container may make no devices
            device.symlink_to("/dev/null")

    def _spawn(self, *command: str) -> None:
        log = (self.folder / f"{command[0]}{len(self.daemons)}.out").open("wb")
        self.daemons.append(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self.env,
            cwd=self.folder, start_new_session=True, preexec_fn=die_with_parent))

    def _check(self) -> bool:
        """@raises RuntimeError if a daemon has ended"""
        for daemon in self.daemons:
            if daemon.poll() is not None:
                raise RuntimeError(f"{daemon.args} ended with {daemon.returncode}\n{self.logs()}")
        return False

    def _idle(self) -> bool:
        self._check()
        return self.call("scontrol", "-o", "show", "node").stdout.count("State=IDLE ") == NODES

    def logs(self) -> str:
        """The last lines of every daemon."""
        return "\n".join(f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:]
                         for pattern in ("*.out", "*.log") for path in self.folder.glob(pattern))

    def call(self, *command: object, timeout: float = 60, cwd: Path | None = None,
             env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command of SLURM, or one that calls them, in the environment of this SLURM."""
        return subprocess.run([*map(str, command)], env={**self.env, **(env or {})}, cwd=cwd,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout)

    def ask(self, *command: object) -> str:
        """What a command prints. @raises RuntimeError if it fails"""
        done = self.call(*command)
        if done.returncode != 0:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """Ends all jobs and daemons, with whatever process of theirs is left."""
        with contextlib.suppress(Exception):
            self.ask("scancel", f"--user={getpass.getuser()}")
            wait_until("jobs are gone", lambda: not self.ask("squeue", "-h").strip(), 20)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[int]:
        """Processes that were started with this SLURM's configuration in their environment."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in environment.read_bytes().split(b"\0"):
                    found.append(int(environment.parent.name))
        return found


@contextlib.contextmanager
def running() -> Iterator[Slurm]:
    """A SLURM while the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="fod-slurm-"))  # short: sockets have names of 107 bytes
    folder.chmod(0o755)  # munged insists
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder, ignore_errors=True)
