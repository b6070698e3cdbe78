//! Which machine this is, for what is to differ from one to the next.

/// A name that stays: the machine id of systemd (machine-id(5)), or where there is none, as in a
/// container, the host name.
pub(super) fn id() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" | "uninitialized" => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        id => id.to_owned(),
    }
}
