//! The callbacks through which SQLite reaches a disk, and the only unsafe code of the crate.
//!
//! SQLite keeps plain pointers to a VFS and does not count its uses, so freeing one could never be
//! shown to be sound. A [`Slot`] is therefore registered once and leaked; a later disk takes it
//! over when its disk is gone, so there are as many as there were disks at the same time.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{ptr, slice};

use rusqlite::ffi;

use super::Shared;
use super::medium::{Handle, Io};

/// Noon of 1 January 2025 as a Julian day, for a clock that stands still.
const NOW: f64 = 2_460_677.0;

/// The longest name of a file, with the zero that ends it.
const LONGEST_NAME: usize = 512;

/// The registered slots that serve no disk.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// A registered VFS and the disk that it serves now.
pub(super) struct Slot {
    /// Ends with the zero that SQLite needs.
    name: String,
    disk: Mutex<Weak<Shared>>,
}

impl Slot {
    pub(super) fn acquire() -> &'static Slot {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(Slot::register)
    }

    pub(super) fn serve(&self, disk: &Arc<Shared>) {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(disk);
    }

    pub(super) fn release(&'static self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    pub(super) fn name(&self) -> &str {
        self.name.trim_end_matches('\0')
    }

    fn disk(&self) -> Option<Arc<Shared>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    fn register() -> &'static Slot {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("yeyak-disk-{}\0", COUNT.fetch_add(1, Ordering::Relaxed));
        let slot: &Slot = Box::leak(Box::new(Slot { name, disk: Mutex::default() }));
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<File>() as c_int,
            mxPathname: LONGEST_NAME as c_int,
            pNext: ptr::null_mut(),
            zName: slot.name.as_ptr().cast(),
            pAppData: ptr::from_ref(slot).cast_mut().cast(),
            xOpen: Some(x_open),
            xDelete: Some(x_delete),
            xAccess: Some(x_access),
            xFullPathname: Some(x_full_pathname),
            // Loading an extension must be enabled by unsafe code, and no simulation does so.
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(x_randomness),
            xSleep: Some(x_sleep),
            xCurrentTime: Some(x_current_time),
            xGetLastError: None,
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: The VFS, its name and its slot are leaked, and nothing but SQLite writes to it.
        let result = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(result, ffi::SQLITE_OK, "SQLite registers a VFS whenever it works at all");
        slot
    }
}

/// What SQLite allocates for a file that it opens, beginning with the part that it knows.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    disk: Arc<Shared>,
    handle: Handle,
}

/// Version 1 has neither shared memory nor memory mapping.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The disk behind a VFS, if there is one at present.
///
/// # Safety
///
/// `vfs` must be one that [`Slot::register`] registered.
unsafe fn disk(vfs: *mut ffi::sqlite3_vfs) -> Option<Arc<Shared>> {
    // SAFETY: The application data of such a VFS is its slot, which lives for ever.
    unsafe { &*(*vfs).pAppData.cast::<Slot>() }.disk()
}

/// The file behind a pointer of SQLite's.
///
/// # Safety
///
/// `file` must have been filled by [`x_open`], not be closed, and be used by one thread at a time,
/// which SQLite sees to.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut File {
    // SAFETY: `x_open` wrote a whole `File` there.
    unsafe { &mut *file.cast::<File>() }
}

/// The name that SQLite passes. Names come from `&str` or from SQLite, so nothing is lost.
///
/// # Safety
///
/// `name` must end with a zero.
unsafe fn text(name: *const c_char) -> String {
    // SAFETY: The caller vouches for the zero.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

fn code(result: Io<()>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// Stores a result where SQLite asks for it.
///
/// # Safety
///
/// `out` must be valid for a write.
unsafe fn answer<T>(out: *mut T, result: Io<T>) -> c_int {
    // SAFETY: The caller vouches for `out`.
    code(result.map(|value| unsafe { out.write(value) }))
}

unsafe extern "C" fn x_open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: `file` has room for a `File`. A null tells SQLite not to close it after a failure.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: The VFS is ours, and a name ends with a zero unless it is null for a temporary file.
    let (disk, name) = unsafe { (disk(vfs), (!name.is_null()).then(|| text(name))) };
    let Some(disk) = disk else { return ffi::SQLITE_CANTOPEN };
    let opened = disk.medium().open(name.as_deref(), flags);
    code(opened.map(|handle| {
        let opened = File { base: ffi::sqlite3_file { pMethods: &METHODS }, disk, handle };
        // SAFETY: `file` has room for `szOsFile` bytes aligned as by `malloc`, which suits a
        // `File`, and `flags_out` is valid unless null.
        unsafe {
            file.cast::<File>().write(opened);
            if let Some(out) = flags_out.as_mut() {
                *out = flags;
            }
        }
    }))
}

unsafe extern "C" fn x_delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: The VFS is ours, and the name ends with a zero.
    let (disk, name) = unsafe { (disk(vfs), text(name)) };
    let Some(disk) = disk else { return ffi::SQLITE_IOERR_DELETE };
    code(disk.medium().delete(&name, sync_directory != 0))
}

unsafe extern "C" fn x_access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: The VFS is ours, and the name ends with a zero.
    let (disk, name) = unsafe { (disk(vfs), text(name)) };
    let Some(disk) = disk else { return ffi::SQLITE_IOERR_ACCESS };
    // SAFETY: SQLite passes a valid `out`.
    unsafe { answer(out, disk.medium().exists(&name).map(c_int::from)) }
}

/// Names are taken as they are.
unsafe extern "C" fn x_full_pathname(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, size: c_int, out: *mut c_char) -> c_int {
    // SAFETY: The name ends with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > size as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has room for `size` bytes and is a buffer of SQLite's own.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr(), out.cast(), name.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_randomness(vfs: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    // SAFETY: The VFS is ours, and `out` has room for `size` bytes, which are initialised first.
    let (disk, bytes) = unsafe {
        out.write_bytes(0, size as usize);
        (disk(vfs), slice::from_raw_parts_mut(out.cast::<u8>(), size as usize))
    };
    if let Some(disk) = disk {
        disk.medium().randomness(bytes);
    }
    size
}

unsafe extern "C" fn x_sleep(_vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn x_current_time(_vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite passes a valid `out`.
    unsafe { answer(out, Ok(NOW)) }
}

unsafe extern "C" fn x_close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that `x_open` filled once and does not use it afterwards.
    let File { disk, handle, .. } = unsafe { file.cast::<File>().read() };
    disk.medium().close(&handle);
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_read(file: *mut ffi::sqlite3_file, buffer: *mut c_void, size: c_int, offset: i64) -> c_int {
    // SAFETY: The file is open, and `buffer` has room for `size` bytes, which are initialised first.
    let (file, buffer) = unsafe {
        buffer.write_bytes(0, size as usize);
        (opened(file), slice::from_raw_parts_mut(buffer.cast::<u8>(), size as usize))
    };
    code(file.disk.medium().read(&file.handle, offset as usize, buffer))
}

unsafe extern "C" fn x_write(file: *mut ffi::sqlite3_file, data: *const c_void, size: c_int, offset: i64) -> c_int {
    // SAFETY: The file is open, and `data` has `size` bytes.
    let (file, data) = unsafe { (opened(file), slice::from_raw_parts(data.cast::<u8>(), size as usize)) };
    code(file.disk.medium().write(&file.handle, offset as usize, data))
}

unsafe extern "C" fn x_truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    code(file.disk.medium().truncate(&file.handle, length as usize))
}

unsafe extern "C" fn x_sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    code(file.disk.medium().sync(&mut file.handle))
}

unsafe extern "C" fn x_file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    let size = file.disk.medium().size(&file.handle);
    // SAFETY: SQLite passes a valid `out`.
    unsafe { answer(out, size.map(|size| size as i64)) }
}

unsafe extern "C" fn x_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    code(file.disk.medium().lock(&file.handle, level))
}

unsafe extern "C" fn x_unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    code(file.disk.medium().unlock(&file.handle, level))
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: The file is open.
    let file = unsafe { opened(file) };
    let reserved = file.disk.medium().is_reserved(&file.handle);
    // SAFETY: SQLite passes a valid `out`.
    unsafe { answer(out, reserved.map(c_int::from)) }
}

/// Every file control is optional.
unsafe extern "C" fn x_file_control(_file: *mut ffi::sqlite3_file, _operation: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// The size that the VFS for Unix reports, so that SQLite does here what it does in production.
unsafe extern "C" fn x_sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn x_device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}
