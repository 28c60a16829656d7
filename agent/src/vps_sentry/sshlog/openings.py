# SPDX-License-Identifier: GPL-3.0-or-later
"""How the messages of sshd begin that matter to no check, so that what is unknown stands out."""

OPENINGS = (
    "Accepted certificate ", "Accepted key ", "Address ", "Authentication key ", "Authentication refused: ",
    "Authorized to ", "Bad protocol version identification ", "Certificate ", "Changed root directory ",
    "Child connection from ", "Close session: ", "Closing connection to ", "Connection closed", "Connection from ",
    "Connection reset", "Could not ", "Deprecated ", "Did not receive ", "Disconnected from ", "Disconnecting ",
    "Disconnecting: ", "Environment variable ", "Exiting on signal", "Failed to ", "Found matching ", "Killed",
    "Login restricted", "Missing privilege separation", "Nasty PTR record ", "PAM ", "Partial ",
    "PerSourcePenalties ", "Postponed ", "Protocol major versions differ", "ROOT LOGIN REFUSED ",
    "Read error from ", "Received disconnect ", "Received signal ", "Refused ", "Server listening on ",
    "Session closed", "Set /proc/self/oom_score_adj", "Starting session: ", "Timeout", "Transferred: ",
    "Unable to ", "Unsupported option ", "User ", "Write failed: ", "banner exchange: ", "beginning MaxStartups",
    "cert: ", "client_loop", "debug1: ", "debug2: ", "debug3: ", "dispatch_protocol_error: ", "drop connection ",
    "error: ", "exited MaxStartups", "fatal: ", "input_userauth_request: ", "kex_exchange_identification: ",
    "kex_protocol_error: ", "mm_", "monitor_", "packet_", "pam_", "refusing ", "rejected connection",
    "restore_uid: ", "reverse mapping checking ", "rexec line ", "session closed", "session opened", "srclimit_",
    "ssh_", "subsystem request ", "syslogin_perform_logout: ", "temporarily_use_uid: ", "timeout",
    "trying public key file ", "userauth_",
)  # fmt: skip
