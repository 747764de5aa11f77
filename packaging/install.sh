#!/bin/sh
# Installs a release build the plain way: /usr/local/bin, /etc/infra_monitor.toml, /etc/systemd/system,
# and what `journalctl -x` says of each event.
# usage: packaging/install.sh [BINARY]     (default: target/release/infra_monitor)
# An existing configuration is kept. Undo with: packaging/install.sh --remove
set -eu
cd "$(dirname "$0")/.."
unit=/etc/systemd/system/infra_monitor.service
catalog=/usr/local/lib/systemd/catalog/infra_monitor.catalog

if [ "${1:-}" = --remove ]; then
  systemctl disable --now infra_monitor 2>/dev/null || true
  rm -f "$unit" "$catalog" /usr/local/bin/infra_monitor
  systemctl daemon-reload
  journalctl --update-catalog
  echo "removed; /etc/infra_monitor.toml, /etc/infra_monitor and the user infra_monitor are left"
  exit 0
fi

binary=${1:-target/release/infra_monitor}
[ -x "$binary" ] || { echo "no $binary: build it with 'cargo build --release', or name one" >&2; exit 66; }
[ "$(id -u)" -eq 0 ] || { echo "needs root: it writes to /usr/local/bin and /etc" >&2; exit 77; }

getent passwd infra_monitor >/dev/null ||
  useradd --system --user-group --home-dir / --no-create-home --shell /usr/sbin/nologin infra_monitor
install -m 755 "$binary" /usr/local/bin/infra_monitor
install -d -m 755 /etc/infra_monitor # for a baseline, which `learn` writes as root without its privileges
[ -e /etc/infra_monitor.toml ] || install -m 644 config/infra_monitor.toml /etc/infra_monitor.toml
sed 's|/usr/bin/infra_monitor|/usr/local/bin/infra_monitor|g' systemd/infra_monitor.service > "$unit"
chmod 644 "$unit"
systemctl daemon-reload
install -D -m 644 packaging/infra_monitor.catalog "$catalog"
journalctl --update-catalog
echo "installed; edit /etc/infra_monitor.toml, then: systemctl enable --now infra_monitor"
