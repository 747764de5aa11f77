# shellcheck shell=bash
# A machine with a real systemd (PID 1, journald, D-Bus) in a systemd-nspawn container: sourced by .ci/systemd.
# It needs root and the packages systemd-container and debootstrap. Its file system is made once and kept;
# each boot works on a tmpfs above it and has a network of its own, so that nothing of it remains.
# Cgroup limits (MemoryMax=, IPAddressDeny=, DeviceAllow=) may have no effect in it: they are not judged here.

machine=infra-monitor-$$
keep=${INFRA_MONITOR_ROOTFS:-target/systemd/rootfs} # made once
boot=$(mktemp -d /var/tmp/infra_monitor-boot.XXXXXX) # this one
supervisor=

# Prints what is missing, if anything is.
machine_lacks() {
  [[ $(id -u) -eq 0 ]] || echo "no root"
  local tool
  for tool in systemd-nspawn debootstrap nsenter pgrep; do command -v "$tool" >/dev/null || echo "no $tool"; done
}

# About two minutes and 300 MB, once.
machine_build() {
  [[ -e $keep/.complete ]] && return
  rm -rf "$keep" && mkdir -p "$(dirname "$keep")" || return
  local unit
  timeout 500 debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,udev,iproute2,procps,python3-minimal,rpm bookworm "$keep" >"$boot/debootstrap" 2>&1 ||
    { tail -5 "$boot/debootstrap"; return 1; }
  rm -rf "$keep"/var/cache/apt/archives/*.deb "$keep"/var/lib/apt/lists/*
  for unit in systemd-modules-load.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    dpkg-db-backup.timer console-getty.service getty.target; do
    ln -sf /dev/null "$keep/etc/systemd/system/$unit"
  done
  ln -sf /lib/systemd/system/multi-user.target "$keep/etc/systemd/system/default.target"
  mkdir -p "$keep/var/log/journal" && touch "$keep/.complete"
}

machine_start() {
  mkdir -p "$boot/tmpfs" "$boot/root" && mount -t tmpfs -o size=1g,mode=755 infra_monitor "$boot/tmpfs" || return
  mkdir -p "$boot/tmpfs/upper" "$boot/tmpfs/work"
  mount -t overlay -o "lowerdir=$(realpath "$keep"),upperdir=$boot/tmpfs/upper,workdir=$boot/tmpfs/work" overlay "$boot/root" || return
  (
    # In a cgroup of its own, or its systemd would take over the one of this machine.
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
      [[ -e $hierarchy/cgroup.procs ]] && mkdir "$hierarchy/$machine" && echo "$BASHPID" >"$hierarchy/$machine/cgroup.procs"
    done
    export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_LOG_LEVEL=warning
    # nspawn of systemd 252 forbids Landlock, which the daemon uses where it can.
    exec timeout --kill-after=5 400 systemd-nspawn --quiet --directory="$boot/root" --boot --register=no --keep-unit \
      --private-network --machine="$machine" --hostname=plant --resolv-conf=off --timezone=off --link-journal=no \
      --console=pipe --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
  ) </dev/null >"$boot/console" 2>&1 &
  supervisor=$!
  local state=
  for _ in $(seq 300); do
    sleep 0.1
    kill -0 "$supervisor" 2>/dev/null || break
    state=$(inside systemctl is-system-running 2>/dev/null)
    case $state in running | degraded) return 0 ;; esac
  done
  tail -20 "$boot/console"
  echo "the machine did not boot: ${state:-ended}"
  return 1
}

# The container's PID 1, as this machine numbers it: below timeout, below nspawn.
leader() {
  local nspawn
  nspawn=$(pgrep -P "$supervisor") && pgrep -P "$nspawn" | head -1
}

# Runs a command in the machine, for a minute at most.
inside() {
  local pid
  pid=$(leader) && [[ -n $pid ]] || return 1
  timeout 60 nsenter -t "$pid" -m -u -i -n -p -C -- "$@"
}

# Leaves nothing: for the trap of whoever sources this.
machine_stop() {
  if [[ -n $supervisor ]]; then
    inside systemctl poweroff >/dev/null 2>&1
    for _ in $(seq 100); do kill -0 "$supervisor" 2>/dev/null || break; sleep 0.1; done
    kill -TERM "$supervisor" 2>/dev/null && sleep 1 && pkill -KILL -P "$supervisor" 2>/dev/null
    wait "$supervisor" 2>/dev/null
  fi
  umount -q "$boot/root" || umount -ql "$boot/root"
  umount -q "$boot/tmpfs" || umount -ql "$boot/tmpfs"
  find /sys/fs/cgroup/{,systemd/,unified/}"$machine" -depth -type d -exec rmdir {} \; 2>/dev/null
  rm -rf --one-file-system "$boot"
}
