#!/bin/sh
# Installs a release build the plain way, for machines without a package.
#
#   packaging/install.sh [BINARY]    default: target/release/infra_monitor. Does the same again as an
#                                    upgrade: the configuration and own drop-ins stay as they are
#   packaging/install.sh --remove    takes away all but the configuration, and says what that is
#   packaging/install.sh --purge     takes that away too
#
# PREFIX   where programs and what belongs to them go, instead of /usr/local
# DESTDIR  puts everything below this folder and touches nothing else: no user is made, nothing is
#          reloaded, and no root is needed
set -eu
case ${1:-} in [!/-]*) set -- "$PWD/$1" ;; esac # a program, seen from where we are called
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
name=infra_monitor

# What is installed: mode, file of the source tree, place.
files() {
  cat <<EOF
644 systemd/$name.service /etc/systemd/system/$name.service
644 systemd/$name.service.d/10-serial.conf $prefix/share/$name/$name.service.d/10-serial.conf
644 systemd/$name.service.d/20-passive.conf $prefix/share/$name/$name.service.d/20-passive.conf
644 systemd/$name.service.d/30-pinning.conf $prefix/share/$name/$name.service.d/30-pinning.conf
644 systemd/$name.service.d/40-priority.conf $prefix/share/$name/$name.service.d/40-priority.conf
644 systemd/sysusers.d/$name.conf $prefix/lib/sysusers.d/$name.conf
644 systemd/tmpfiles.d/$name.conf $prefix/lib/tmpfiles.d/$name.conf
644 packaging/$name.catalog $prefix/lib/systemd/catalog/$name.catalog
644 packaging/udev/70-$name.rules $prefix/lib/udev/rules.d/70-$name.rules
644 packaging/apparmor/$name /etc/apparmor.d/$name
644 packaging/man/$name.8 $prefix/share/man/man8/$name.8
644 packaging/man/$name.toml.5 $prefix/share/man/man5/$name.toml.5
644 packaging/completions/$name.bash $prefix/share/bash-completion/completions/$name
644 packaging/completions/_$name $prefix/share/zsh/site-functions/_$name
644 packaging/completions/$name.fish $prefix/share/fish/vendor_completions.d/$name.fish
EOF
}

# Only with this machine's own root folder: what runs is told of what has changed.
tell() {
  [ -z "$root" ] || return 0
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if udevadm control --reload 2>/dev/null; then udevadm trigger --subsystem-match=tty; fi
  fi
  if command -v journalctl >/dev/null; then journalctl --update-catalog; fi
}

need_root() {
  [ -n "$root" ] || [ "$(id -u)" -eq 0 ] || { echo "needs root: it writes to $prefix and /etc" >&2; exit 77; }
}

remove() {
  need_root
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl disable --now $name 2>/dev/null || true
  fi
  if [ -z "$root" ] && [ -e /etc/apparmor.d/$name ] && command -v apparmor_parser >/dev/null; then
    apparmor_parser -R /etc/apparmor.d/$name 2>/dev/null || true
  fi
  files | while read -r _ _ place; do rm -f "$root$place"; done
  rm -f "$root$prefix/bin/$name"
  # Empty folders of our own; those that others use too stay.
  rmdir "$root$prefix/share/$name/$name.service.d" "$root$prefix/share/$name" 2>/dev/null || true
  rmdir "$root/etc/$name" 2>/dev/null || true
  tell
}

case ${1:-} in
  --remove)
    remove
    echo "removed. Left, as configuration:"
    for place in "/etc/$name.toml" "/etc/$name" "/etc/systemd/system/$name.service.d" "/var/lib/$name"; do
      [ ! -e "$root$place" ] || echo "  $root$place"
    done
    [ -n "$root" ] || echo "  the user $name, to whom files there may belong"
    exit 0 ;;
  --purge)
    remove
    rm -rf "$root/etc/$name.toml" "$root/etc/${name:?}" "$root/etc/systemd/system/$name.service.d" \
      "$root/var/lib/${name:?}"
    [ -n "$root" ] || ! getent passwd $name >/dev/null || userdel $name
    echo "removed, with configuration, certificates and user"
    exit 0 ;;
  -*)
    sed -n '2,11s/^# \{0,1\}//p' packaging/install.sh >&2
    exit 64 ;;
esac

binary=${1:-target/release/$name}
if ! [ -f "$binary" ] || ! [ -x "$binary" ]; then
  echo "no program $binary: build it with 'cargo build --release', or name one" >&2
  exit 66
fi
need_root

install -D -m 755 "$binary" "$root$prefix/bin/$name"
files | while read -r mode file place; do
  case $place in
    /etc/apparmor.d/*)
      # Nothing where there is no AppArmor, and nothing over a profile that somebody has enforced.
      [ -n "$root" ] || [ -d /etc/apparmor.d ] || continue
      if [ -e "$root$place" ] && ! grep -q '(complain)' "$root$place"; then
        echo "$root$place is enforced and stays as it is; compare $file" >&2
        continue
      fi ;;
  esac
  install -D -m "$mode" "$file" "$root$place"
done
unit=$root/etc/systemd/system/$name.service
sed "s|/usr/bin/$name|$prefix/bin/$name|g" systemd/$name.service > "$unit"
install -d -m 755 "$root/etc/$name" # for a baseline, keys and passwords
[ -e "$root/etc/$name.toml" ] || install -m 644 config/$name.toml "$root/etc/$name.toml"

if [ -z "$root" ]; then
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$prefix/lib/sysusers.d/$name.conf"
  else
    getent passwd $name >/dev/null ||
      useradd --system --user-group --home-dir / --no-create-home --shell /usr/sbin/nologin $name
  fi
  chown root:$name /etc/$name && chmod 750 /etc/$name # as tmpfiles.d does at each boot
  if [ -e /sys/module/apparmor ] && command -v apparmor_parser >/dev/null; then
    apparmor_parser -r /etc/apparmor.d/$name || echo "the AppArmor profile is not loaded; the service runs without" >&2
  fi
fi
tell
echo "installed. Edit $root/etc/$name.toml; for serial lines also:"
echo "  install -D -m 644 $prefix/share/$name/$name.service.d/10-serial.conf -t /etc/systemd/system/$name.service.d"
echo "then: systemctl daemon-reload && systemctl enable --now $name; after an upgrade: systemctl restart $name"
