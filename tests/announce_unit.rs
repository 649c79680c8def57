//! `deploy/poolcheck-announce.service` under a real systemd: the first process of namespaces that the test makes, on a copy of this
//! system's root whose changes are in memory, with a network of its own.

#![cfg(all(target_os = "linux", feature = "announce"))]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Becomes a control group of its own, so that systemd has one to divide, and enters the namespaces; leaves nothing behind.
const ENTER: &str = r#"
base=/sys/fs/cgroup/unified
[ -e $base ] || base=/sys/fs/cgroup
base=$base$(sed -n 's/^0:://p' /proc/self/cgroup)
group=$base/poolcheck-test-$$
mkdir "$group" && echo $$ > "$group/cgroup.procs" || exit
timeout --kill-after=5 120 unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup sh -e -c "$BEGIN"
ended=$?
echo $$ > "$base/cgroup.procs"
find "$group" -depth -type d -exec rmdir {} +
exit $ended
"#;

/// Makes the root, puts in what the unit's own head says to install, and becomes systemd.
const BEGIN: &str = r#"
mount --make-rprivate /
mkdir "$WORK/memory" "$WORK/root"
mount -t tmpfs memory "$WORK/memory"
mkdir "$WORK/memory/upper" "$WORK/memory/work"
mount -t overlay root -o "lowerdir=/,upperdir=$WORK/memory/upper,workdir=$WORK/memory/work" "$WORK/root"
mkdir "$WORK/root/told" && mount --bind "$WORK/told" "$WORK/root/told"
cd "$WORK/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tmpfs run run
mount -t tmpfs tmp tmp
mount -t tmpfs dev dev
for device in null zero full random urandom tty; do
    touch "dev/$device" && mount --bind "/dev/$device" "dev/$device"
done
touch dev/console && mount --bind "$WORK/told/console" dev/console
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

ip link set lo up
ip link add eth0 type veth peer name lan0
# The cable's other end has a kernel, too, which would answer for this machine's addresses.
ip link set lan0 up arp off
ip link set eth0 up
ip addr add 10.77.0.11/24 dev eth0

install -D -m 0755 "$PROGRAM" usr/local/bin/poolcheck
install -d etc/poolcheck etc/systemd/system/poolcheck-announce.service.d
(umask 077; echo 0123456789abcdef0123456789abcdef > etc/poolcheck/announcer.key)
cat > etc/poolcheck/announcer.toml <<END
interface = "eth0"
node = "n1"
key = { file = "/etc/poolcheck/announcer.key" }
set-sysctls = true

[[address]]
address = "10.77.0.240"
local = true
END
install -m 0644 "$UNIT" etc/systemd/system/
# Only so that the test need not wait for long.
printf '[Service]\nWatchdogSec=2\n' > etc/systemd/system/poolcheck-announce.service.d/test.conf
cat > etc/systemd/system/test.target <<END
[Unit]
Description=The unit, and who looks at it
DefaultDependencies=no
Wants=poolcheck-announce.service look.service
END
cat > etc/systemd/system/look.service <<END
[Unit]
DefaultDependencies=no
After=poolcheck-announce.service
[Service]
Type=oneshot
ExecStart=/bin/sh /told/look.sh
StandardOutput=file:/told/seen
StandardError=file:/told/console
END
# What would speak to this machine's kernel rather than to the namespaces'.
for unit in systemd-udevd systemd-udev-trigger systemd-networkd systemd-resolved systemd-timesyncd \
    systemd-sysctl systemd-modules-load systemd-binfmt systemd-random-seed; do
    ln -sf /dev/null "etc/systemd/system/$unit.service"
done
exec env -i PATH="$PATH" container=test chroot . /lib/systemd/systemd --system --unit=test.target --log-target=console
"#;

/// Looks at the service through its life: lines of a name and what was seen.
const LOOK: &str = r#"
unit=poolcheck-announce
see() { echo "$1" $2; }
show() { systemctl show --property "$1" --value $unit; }
lent() { ip -o address show dev lo to 10.77.0.240 | grep -c 10.77.0.240; }
# Waits until a command succeeds, for 20 s at most.
until_so() { for _ in $(seq 200); do if eval "$1"; then return; fi; sleep 0.1; done; }
journal() { (systemctl status --no-pager $unit; journalctl --unit $unit --no-pager) > /told/journal; }
owns='[ "$(lent)" = 1 ] && [ "$(systemctl is-active $unit)" = active ]'

until_so "$owns"
see begun "$(systemctl is-active $unit) $(lent)"
[ "$(show MainPID)" != 0 ] || { journal; exec systemctl exit 0; }
first=$(show MainPID)
see rights "$(sed -n 's/^CapEff:[[:space:]]*//p; s/^NoNewPrivs:[[:space:]]*//p; s/^Seccomp:[[:space:]]*//p' /proc/$first/status)"
see status "$(poolcheck announce status -o json | tr -d ' \n' | grep -c '"owner":"n1"')"

systemctl reload $unit
sleep 0.5
see reloaded "$(systemctl is-active $unit) $(lent) $(show NRestarts)"
[ "$(show MainPID)" = "$first" ] && see same process

kill -KILL $first
until_so '[ "$(lent)" = 0 ]'
see killed "$(lent)"
until_so "$owns"
see again "$(systemctl is-active $unit) $(lent) $(show NRestarts)"

kill -STOP $(show MainPID)
until_so '[ "$(lent)" = 0 ]'
see stuck "$(lent)"
until_so "$owns"
see revived "$(systemctl is-active $unit) $(lent) $(show NRestarts)"

systemctl stop $unit
see stopped "$(systemctl is-active $unit) $(show Result) $(lent)"
see sysctl "$(cat /proc/sys/net/ipv4/conf/eth0/arp_ignore) $(cat /proc/sys/net/ipv4/conf/eth0/arp_announce)"
see left "$(pgrep -c poolcheck)"
journal
see owned "$(journalctl --unit $unit --no-pager | grep -c 'owns 10.77.0.240')"
systemctl exit 0
"#;

#[test]
#[ignore = "boots a systemd: cargo xtask service"]
fn the_unit_lives_under_systemd() {
    let needed =
        [("/lib/systemd/systemd", "systemd"), ("/usr/bin/pgrep", "procps"), ("/usr/bin/unshare", "util-linux")];
    for (program, package) in needed {
        assert!(Path::new(program).exists(), "the unit is run by a real systemd: apt-get install -y {package}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("told");
    std::fs::create_dir(&told).expect("a folder");
    std::fs::write(told.join("console"), "").expect("written");
    std::fs::write(told.join("look.sh"), LOOK).expect("written");
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/poolcheck-announce.service");
    let run = Command::new("sh")
        .args(["-c", ENTER])
        .env("BEGIN", BEGIN)
        .env("WORK", folder.path())
        .env("PROGRAM", env!("CARGO_BIN_EXE_poolcheck"))
        .env("UNIT", unit)
        .output()
        .expect("timeout runs");
    let read = |name: &str| std::fs::read_to_string(told.join(name)).unwrap_or_default();
    let seen = read("seen");
    let context = || {
        let [out, err] = [&run.stdout, &run.stderr].map(|text| String::from_utf8_lossy(text));
        format!("{seen}\n{}\n{}\n{out}\n{err}", read("journal"), read("console"))
    };
    let rows: BTreeMap<&str, &str> = seen.lines().filter_map(|line| line.split_once(' ')).collect();
    let expected = [
        ("begun", "active 1"),
        // CAP_NET_ADMIN and CAP_NET_RAW, nothing to gain by exec, and a filter of system calls.
        ("rights", "0000000000003000 1 2"),
        ("status", "1"),
        ("reloaded", "active 1 0"),
        ("same", "process"),
        ("killed", "0"),
        ("again", "active 1 1"),
        ("stuck", "0"),
        ("revived", "active 1 2"),
        ("stopped", "inactive success 0"),
        // As they were before the first start, though two of three lives were ended by force.
        ("sysctl", "0 0"),
        ("left", "0"),
        ("owned", "3"),
    ];
    for (name, what) in expected {
        assert_eq!(rows.get(name), Some(&what), "{name}\n{}", context());
    }
}
