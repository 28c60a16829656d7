# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried inside copies of the units, one line each, and what must come of it: an error number or a success."""

PREAMBLE = """
import ctypes, errno, mmap, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def attempt(name, action):
    try:
        found = action()
    except OSError as exc:
        found = errno.errorcode.get(exc.errno, exc.errno)
    print(name + ": " + str(found), flush=True)
def write(path):
    return lambda: open(path, "w").close() or "written"
def read(path):
    return lambda: str(len(open(path, "rb").read(10))) + " bytes"
def run(*argv):
    return lambda: subprocess.run(argv, capture_output=True, text=True).stdout.strip()
def sock(*kind):
    return lambda: socket.socket(*kind).close() or "opened"
def writable_code():
    try:
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        return "refused"  # EPERM by the filter, EACCES by the kernel's own bit since systemd 253
    return "mapped"
"""

AGENT_PROBE = """
attempt("usr", write("/usr/evil"))
attempt("etc", write("/etc/evil"))
attempt("root's home", write("/root/evil"))
attempt("a home", write("/home/alice/evil"))
attempt("tmp", write("/tmp/evil"))
attempt("run", write("/run/evil"))
attempt("var", write("/var/evil"))
attempt("logs", write("/var/log/journal/evil"))
attempt("shared memory", write("/dev/shm/evil"))
attempt("kernel setting", lambda: open("/proc/sys/kernel/domainname", "w").write("x"))
attempt("control group", lambda: os.mkdir("/sys/fs/cgroup/evil"))
attempt("its own state", write("/var/lib/vps-sentry/probe"))
attempt("setuid", lambda: os.chmod("/var/lib/vps-sentry/probe", 0o4755))
os.unlink("/var/lib/vps-sentry/probe")
attempt("inet", sock(socket.AF_INET, socket.SOCK_STREAM))
attempt("inet6", sock(socket.AF_INET6, socket.SOCK_DGRAM))
attempt("packet", sock(socket.AF_PACKET, socket.SOCK_RAW))
attempt("unix", sock(socket.AF_UNIX, socket.SOCK_STREAM))
attempt("netlink", sock(socket.AF_NETLINK, socket.SOCK_RAW, 4))
attempt("other user by setuid", run("/srv/id-other", "-un"))
attempt("user namespace", lambda: call(272, 0x10000000) or "made")
attempt("mount", lambda: call(165, b"tmpfs", b"/mnt", b"tmpfs", 0, 0) or "mounted")
attempt("trace", lambda: call(101, 16, 1, 0, 0) or "attached")
attempt("memory of others", lambda: call(310, 1, 0, 0, 0, 0, 0) or "read")
attempt("module", lambda: call(313, 0, b"", 0) or "loaded")
attempt("clock", lambda: call(164, ctypes.create_string_buffer(16), 0) or "set")
attempt("host name", lambda: call(170, b"x", 1) or "set")
attempt("ids", lambda: os.setuid(65534) or "changed")
attempt("writable code", writable_code)
attempt("shadow", read("/etc/shadow"))
attempt("a home's file", read("/root/.profile"))
attempt("programs of others", lambda: "seen" if os.readlink("/proc/1/exe") else "")
attempt("descriptors of others", lambda: "seen" if os.listdir("/proc/1/fd") else "")
"""

AGENT_FINDS = {
    "usr": "EROFS",
    "etc": "EROFS",
    "root's home": "EROFS",
    "a home": "EROFS",
    "tmp": "EROFS",
    "run": "EROFS",
    "var": "EROFS",
    "logs": "EROFS",
    "shared memory": "EROFS",
    "kernel setting": "EROFS",
    "control group": "EROFS",
    "its own state": "written",
    "setuid": "EPERM",
    "inet": "EAFNOSUPPORT",
    "inet6": "EAFNOSUPPORT",
    "packet": "EAFNOSUPPORT",
    "unix": "opened",
    "netlink": "opened",
    "other user by setuid": "root",
    "user namespace": "EPERM",
    "mount": "EPERM",
    "trace": "EPERM",
    "memory of others": "EPERM",
    "module": "EPERM",
    "clock": "EPERM",
    "host name": "EPERM",
    "ids": "EPERM",
    "writable code": "refused",
    "shadow": "10 bytes",
    "a home's file": "10 bytes",
    "programs of others": "seen",
    "descriptors of others": "seen",
}

SHIP_PROBE = """
state = "/var/lib/vps-sentry"
attempt("usr", write("/usr/evil"))
attempt("etc", write("/etc/evil"))
attempt("run", write("/run/evil"))
attempt("shared memory", write("/dev/shm/evil"))
attempt("outbox", write(state + "/outbox/evil"))
attempt("state", write(state + "/evil"))
attempt("acks", write(state + "/acks/.probe"))
os.unlink(state + "/acks/.probe")
attempt("outbox read", lambda: "listed" if os.listdir(state + "/outbox") is not None else "")
attempt("report", read(state + "/last.json"))
attempt("baseline", read(state + "/baseline.json"))
attempt("shadow", read("/etc/shadow"))
attempt("configuration itself", read("/etc/vps-sentry.json"))
attempt("its copy", read(os.environ["CREDENTIALS_DIRECTORY"] + "/vps-sentry.json"))
attempt("homes", lambda: os.listdir("/home"))
attempt("root's home", lambda: os.listdir("/root"))
attempt("processes of others", lambda: "seen" if "1" in os.listdir("/proc") else "hidden")
attempt("kernel's own files", read("/proc/meminfo"))
attempt("root by setuid", run("/srv/id-root", "-un"))
attempt("inet", sock(socket.AF_INET, socket.SOCK_STREAM))
attempt("netlink", sock(socket.AF_NETLINK, socket.SOCK_RAW, 0))
attempt("packet", sock(socket.AF_PACKET, socket.SOCK_RAW))
attempt("user namespace", lambda: call(272, 0x10000000) or "made")
attempt("trace", lambda: call(101, 16, os.getppid(), 0, 0) or "attached")
attempt("writable code", writable_code)
attempt("tmp", lambda: (write("/tmp/mine")(), os.listdir("/tmp"))[1])
attempt("setuid", lambda: os.chmod("/tmp/mine", 0o4755))
attempt("a program of its own", run("/usr/bin/id", "-un"))
"""

SHIP_FINDS = {
    "usr": "EROFS",
    "etc": "EROFS",
    "run": "EROFS",
    "shared memory": "EROFS",
    "outbox": "EROFS",
    "state": "EROFS",
    "acks": "written",
    "outbox read": "listed",
    "report": "EACCES",
    "baseline": "EACCES",
    "shadow": "EACCES",
    "configuration itself": "EACCES",
    "its copy": "10 bytes",
    "homes": "EACCES",
    "root's home": "EACCES",
    "processes of others": "hidden",
    "kernel's own files": "ENOENT",
    "root by setuid": "vps-sentry-ship",
    "inet": "opened",
    "netlink": "EAFNOSUPPORT",
    "packet": "EAFNOSUPPORT",
    "user namespace": "EPERM",
    "trace": "EPERM",
    "writable code": "refused",
    "tmp": "['mine']",
    "setuid": "EPERM",
    "a program of its own": "vps-sentry-ship",
}
