//! The file: opened and checked at the start, locked, then written at offsets.

#[cfg(all(test, unix))]
mod tests;

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    LastWords, OpenError, Refused,
    format::{self, Beat, FILE_SIZE, Found, MAX_PAYLOAD},
    platform,
};

/// The open file, which no other process uses.
#[derive(Debug)]
pub(crate) struct LastWordsFile {
    file: File,
    path: PathBuf,
    /// The generation of the newest whole area, 0 if there is none.
    generation: u64,
    /// The number of written heartbeats.
    beats: u64,
    buffer: Vec<u8>,
}

/// The open file, and what was in it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: LastWordsFile,
    /// The last words of the process before.
    pub(crate) previous: Option<LastWords>,
    /// What was replaced, if the file was no file of this version or was torn.
    pub(crate) refused: Option<Refused>,
}

impl LastWordsFile {
    /// Opens or creates the file, and reads what the last process wrote.
    ///
    /// A torn file of firstlight is overwritten. Another file is never overwritten: it is moved to the same path with
    /// `.refused` appended.
    ///
    /// The call waits for the disk, so it is made on the thread that writes the file.
    ///
    /// # Errors
    ///
    /// If the service runs without the file, which the caller logs once.
    pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
        if let Some(limit) = platform::file_size_limit().filter(|limit| *limit < FILE_SIZE) {
            return Err(OpenError::FileSizeLimit { limit });
        }
        // The program may change its current folder later.
        let path = &*std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut file = open_locked(path)?;
        let mut bytes = read(&file).map_err(|error| OpenError::of("read", path, error))?;
        let mut refused = None;
        let mut found = format::examine(&bytes);
        if found == Found::Foreign {
            let aside = move_aside(path)?;
            file = open_locked(path)?;
            bytes = read(&file).map_err(|error| OpenError::of("read", path, error))?;
            found = format::examine(&bytes);
            let path = path.to_owned();
            refused = Some(Refused::Foreign { path, aside });
        }
        let is_new = found == Found::Nothing;
        let (mut generation, mut previous, path) = (0, None, path.to_owned());
        match found {
            Found::Nothing => {}
            Found::Words(newest, words) => (generation, previous) = (newest, Some(*words)),
            Found::Torn(found) => {
                let path = path.clone();
                refused = Some(Refused::Torn { path, found });
            }
            Found::OtherVersion { version, expected } => {
                refused = Some(Refused::OtherVersion {
                    path: path.clone(),
                    version,
                    expected,
                });
            }
            // Another process has put a second foreign file there.
            Found::Foreign => {
                let reason = io::ErrorKind::AlreadyExists.into();
                let aside = aside(&path);
                return Err(OpenError::Foreign {
                    path,
                    aside,
                    reason,
                });
            }
        }
        let length = if previous.is_some() { bytes.len() } else { 0 };
        if let Err(error) = allocate(&file, length) {
            if is_new {
                // An empty file of a full disk helps no process. The next start reports the same error.
                let _ = fs::remove_file(&path);
            }
            return Err(OpenError::of("allocate", &path, error));
        }
        let file = Self {
            file,
            path,
            generation,
            beats: 0,
            buffer: Vec::new(),
        };
        Ok(Opened {
            file,
            previous,
            refused,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the area that is not the newest one.
    ///
    /// A failed write leaves the newest area as it is, and the next call writes the same area again.
    pub(super) fn write(&mut self, beat: Beat, payload: &[u8]) -> io::Result<()> {
        if payload.len() > MAX_PAYLOAD {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let generation = self.generation.wrapping_add(1);
        let offset = format::area(generation, beat, payload, &mut self.buffer);
        platform::write_at(&self.file, &self.buffer, offset)?;
        self.generation = generation;
        Ok(())
    }

    /// Writes only a heartbeat of the newest area.
    pub(super) fn beat(&mut self, beat: Beat) -> io::Result<()> {
        self.beats += 1;
        let (bytes, offset) = format::beat(self.beats, self.generation, beat);
        platform::write_at(&self.file, &bytes, offset)
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path).unwrap_or(false)
    }
}

/// Opens or creates the file, and locks it.
fn open_locked(path: &Path) -> Result<File, OpenError> {
    // Another process may create, remove or replace the file between two calls.
    for _ in 0..5 {
        let file = match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Err(not_a_file(path, &metadata)),
            Ok(_) => platform::open_existing(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => platform::create(path),
            Err(error) => return Err(OpenError::of("open", path, error)),
        };
        let file = match file {
            Ok(file) => file,
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::AlreadyExists]
                    .contains(&error.kind())
                    // A folder that does not exist is not created.
                    && path.parent().is_some_and(|folder| {
                        folder.as_os_str().is_empty() || folder.is_dir()
                    }) =>
            {
                continue;
            }
            Err(error) => return Err(OpenError::of("open", path, error)),
        };
        let of = |error| OpenError::of("check", path, error);
        let metadata = file.metadata().map_err(of)?;
        if !metadata.is_file() {
            return Err(not_a_file(path, &metadata));
        }
        if let Some((owner, user)) = platform::other_owner(&metadata) {
            let path = path.to_owned();
            return Err(OpenError::OtherOwner { path, owner, user });
        }
        if !platform::try_lock(&file).map_err(|error| OpenError::of("lock", path, error))? {
            return Err(OpenError::Locked {
                path: path.to_owned(),
                pid: last_writer(&file),
            });
        }
        if is_at(&file, path).unwrap_or(false) {
            return Ok(file);
        }
    }
    Err(OpenError::of(
        "open",
        path,
        io::Error::other("other processes replace it all the time"),
    ))
}

fn not_a_file(path: &Path, metadata: &fs::Metadata) -> OpenError {
    OpenError::NotAFile {
        path: path.to_owned(),
        found: platform::describe(metadata.file_type()),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let at_path = fs::symlink_metadata(path)?;
    Ok(platform::is_same(&file.metadata()?, &at_path))
}

/// Reads a file up to the first byte that is too much.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_SIZE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The process that wrote the file last.
fn last_writer(file: &File) -> Option<u32> {
    match format::examine(&read(file).ok()?) {
        Found::Words(_, words) => Some(words.process.pid),
        _ => None,
    }
}

/// The path to which a foreign file is moved.
fn aside(path: &Path) -> PathBuf {
    let mut aside = OsString::from(path);
    aside.push(".refused");
    aside.into()
}

/// Moves a foreign file away, unless another file is there already.
fn move_aside(path: &Path) -> Result<PathBuf, OpenError> {
    let aside = aside(path);
    let moved = match fs::symlink_metadata(&aside) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(path, &aside),
        Err(error) => Err(error),
    };
    match moved {
        Ok(()) => Ok(aside),
        Err(reason) => Err(OpenError::Foreign {
            path: path.to_owned(),
            aside,
            reason,
        }),
    }
}

/// Gives the file its size, and keeps its first `length` bytes.
///
/// Space is taken now, because a later write to a hole of the file may fail.
fn allocate(file: &File, length: usize) -> io::Result<()> {
    platform::make_private(file)?;
    if length as u64 > FILE_SIZE {
        file.set_len(FILE_SIZE)?;
    }
    if length as u64 >= FILE_SIZE {
        return Ok(());
    }
    if length == 0 {
        file.set_len(0)?;
        platform::write_at(file, &format::header(), 0)?;
    }
    let start = length.max(format::header().len());
    let zeros = vec![0; FILE_SIZE as usize - start];
    platform::write_at(file, &zeros, start as u64)
}
