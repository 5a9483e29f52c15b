/** `rws systemd`: prints units of systemd. The README shows the same texts, and a test compares. */

export function systemd({ socket }: { socket: boolean }): void {
  process.stdout.write(socket ? SOCKET : SERVICE)
}

const SERVICE = `[Unit]
Description=rws WebSocket proxy
After=network-online.target
Wants=network-online.target
# Keep trying, however often it fails to start.
StartLimitIntervalSec=0

[Service]
# rws tells when it listens, reloads and stops, by systemd-notify. That is a process of its own.
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/env rws --config /etc/rws/rws.config.toml
# "systemctl reload rws" shows what is wrong with the file. After that, rws reads it again.
ExecReload=/usr/bin/env rws check --config /etc/rws/rws.config.toml
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
# 2: the configuration is not valid, and a restart would not help. 3: the drain has cut tunnels, as it must.
RestartPreventExitStatus=2
SuccessExitStatus=3
# Ends an rws that hangs.
WatchdogSec=30
# SIGTERM goes to rws alone, and it drains. Longer than all drain_..._ms together.
KillMode=mixed
TimeoutStopSec=60
LimitNOFILE=1048576

# A user of its own. The configuration and its certificates must be readable for it.
DynamicUser=yes
# For unix: sockets in /run/rws. Others can connect to them only with bind_mode.
RuntimeDirectory=rws
UMask=0077

# For ports below 1024 replace the empty set by these two lines.
#AmbientCapabilities=CAP_NET_BIND_SERVICE
#CapabilityBoundingSet=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=

# No MemoryDenyWriteExecute=: Node.js compiles at run time.
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`

const SOCKET = `[Unit]
Description=Sockets of rws

[Socket]
# One line for each bind, with the same address. For all interfaces write 0.0.0.0:8080 or [::]:8080 in both.
ListenStream=127.0.0.1:8080
# How many clients may wait while rws restarts, if net.core.somaxconn allows as many.
Backlog=4096

[Install]
WantedBy=sockets.target
`
