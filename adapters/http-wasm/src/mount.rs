//! The two things that the plugin needs of WASI preview 1: a file in a folder that the proxy mounts, and
//! the end of an instance.

#![allow(unsafe_code)] // Calls of WASI are unsafe: they take addresses.

use wasip1::{Errno, Fd, Iovec, LOOKUPFLAGS_SYMLINK_FOLLOW, RIGHTS_FD_READ};

/// Reads a file, by its path in the plugin.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    let (folder, name) = mounted(path).ok_or("not in a folder that is mounted")?;
    let failed = |error: Errno| format!("cannot be read: {}", error.message());
    let follow = LOOKUPFLAGS_SYMLINK_FOLLOW;
    // SAFETY: The call takes no address but that of the name.
    let file = unsafe { wasip1::path_open(folder, follow, name, 0, RIGHTS_FD_READ, 0, 0) };
    let file = file.map_err(failed)?;
    let body = read_all(file).map_err(failed);
    // SAFETY: The file is not used again.
    let _ = unsafe { wasip1::fd_close(file) };
    body
}

fn read_all(file: Fd) -> Result<Vec<u8>, Errno> {
    let mut body = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        let buffer = Iovec { buf: part.as_mut_ptr(), buf_len: part.len() };
        // SAFETY: The buffer is as long as it says, and nothing else uses it during the call.
        match unsafe { wasip1::fd_read(file, &[buffer]) }? {
            0 => return Ok(body),
            read => body.extend(part.iter().take(read)),
        }
    }
}

/// Returns the folder that a path is in, and the path in that folder. Of folders that are mounted in one
/// another it is the innermost.
fn mounted(path: &str) -> Option<(Fd, &str)> {
    /// The proxy numbers the folders from here on.
    const FIRST: Fd = 3;
    let folders = (FIRST..).map_while(|folder| Some((folder, mount_point(folder)?)));
    let names = folders.filter_map(|(folder, point)| {
        let name = path.strip_prefix(point.trim_end_matches('/'))?.strip_prefix('/')?;
        Some((folder, name))
    });
    names.min_by_key(|(_, name)| name.len())
}

/// Returns the mount of a folder; `None` if there is no such folder.
fn mount_point(folder: Fd) -> Option<String> {
    // SAFETY: A folder is all that can be mounted, and then `dir` is set.
    let length = unsafe { wasip1::fd_prestat_get(folder).ok()?.u.dir.pr_name_len };
    let mut name = vec![0; length];
    // SAFETY: The buffer is as long as the call is told.
    unsafe { wasip1::fd_prestat_dir_name(folder, name.as_mut_ptr(), length) }.ok()?;
    String::from_utf8(name).ok()
}

/// Ends the instance with the exit code 1. The proxy then does not load the plugin.
pub fn exit() {
    // SAFETY: The call takes no address, and does not return.
    unsafe { wasip1::proc_exit(1) };
}
