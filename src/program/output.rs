//! What a program prints, read as it comes: it may be more than fits into memory.
//!
//! The program is watched by a thread of its own, with a runtime of its own, because whoever reads
//! a list blocks a thread and may or may not be within a runtime. That thread hands pieces on, a
//! few ahead of the reader, keeps the end of standard error, and ends everything at the deadline,
//! at the cap, and when nobody reads any more. Whoever has read to the end without an error has
//! read what a program printed that then ended well.

use std::io::{self, Read};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};

use super::{Program, ProgramError, tail};

/// The length of a piece, in bytes: what a pipe holds.
const PIECE: usize = 64 * 1024;
/// So many pieces may wait for the reader.
const AHEAD: usize = 4;
/// So many characters of its last words are told.
const TOLD: usize = 400;
/// A killed program is gone by then, unless the system itself is stuck.
const DYING: Duration = Duration::from_secs(5);

/// What a running program prints. The read that would tell of the end fails, with a
/// [`ProgramError`] in it, if the program failed, was too slow or printed too much: then nothing of
/// what was read is to be trusted. Dropped, it kills the program and waits until it is gone.
#[derive(Debug)]
pub struct Output {
    pieces: Receiver<Piece>,
    /// A permit for each piece that may be handed on.
    room: Arc<Semaphore>,
    piece: Vec<u8>,
    /// How much of the piece has been read.
    read: usize,
    end: End,
    /// Dropped, it tells the thread that nobody reads any more.
    wanted: Option<oneshot::Sender<()>>,
    watch: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    End(Result<(), ProgramError>),
}

#[derive(Debug)]
enum End {
    NotYet,
    Good,
    /// It has been told.
    Bad,
}

impl Program {
    /// Starts it with nothing on its standard input and hands on what it prints, `most` bytes at
    /// most. Its time is up when the end has not been read within its limit, whoever was slow. That
    /// it cannot be started is told by the first read.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn stream(&self, most: usize) -> io::Result<Output> {
        let (hand, pieces) = channel();
        let (wanted, dropped) = oneshot::channel();
        let room = Arc::new(Semaphore::new(AHEAD));
        let hand = Hand {
            pieces: hand,
            room: Arc::clone(&room),
            most,
        };
        let program = self.clone();
        let watch = move || {
            let end = program.watch(&hand, dropped);
            // If this fails, nobody wants to know.
            let _ = hand.pieces.send(Piece::End(end));
        };
        let thread = thread::Builder::new().name("program".to_owned());
        Ok(Output {
            pieces,
            room,
            piece: Vec::new(),
            read: 0,
            end: End::NotYet,
            wanted: Some(wanted),
            watch: Some(thread.spawn(watch)?),
        })
    }

    fn watch(&self, hand: &Hand, dropped: oneshot::Receiver<()>) -> Result<(), ProgramError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.unreadable(error))?;
        runtime.block_on(async {
            let (mut child, group) = self.spawn(Stdio::null(), &[])?;
            let mut said = Vec::new();
            let talk = tokio::time::timeout(self.limit, self.talk(&mut child, hand, &mut said));
            let ended = tokio::select! {
                ended = talk => Some(ended),
                _ = dropped => None,
            };
            let end = match ended {
                Some(Ok(Ok(status))) if status.success() => {
                    group.has_ended();
                    return Ok(());
                }
                Some(Ok(Ok(status))) => Err(ProgramError::Failed {
                    command: self.name().to_owned(),
                    status,
                    said: last_words(&said),
                }),
                Some(Ok(Err(error))) => Err(error),
                Some(Err(_)) => Err(ProgramError::Slow {
                    command: self.name().to_owned(),
                    limit: self.limit,
                    said: last_words(&said),
                }),
                None => Ok(()), // heard by nobody
            };
            drop(group);
            let _ = tokio::time::timeout(DYING, child.wait()).await;
            end
        })
    }

    async fn talk(
        &self,
        child: &mut Child,
        hand: &Hand,
        said: &mut Vec<u8>,
    ) -> Result<ExitStatus, ProgramError> {
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let heard = async { tail(stderr, said).await.map_err(|it| self.unreadable(it)) };
        tokio::try_join!(self.hand_on(stdout, hand), heard)?;
        child.wait().await.map_err(|error| self.unreadable(error))
    }

    async fn hand_on(
        &self,
        mut from: impl AsyncRead + Unpin,
        hand: &Hand,
    ) -> Result<(), ProgramError> {
        let mut left = hand.most;
        loop {
            let permit = hand.room.acquire().await.expect("nobody closes it");
            permit.forget();
            let mut piece = Vec::with_capacity(PIECE);
            let read = from.read_buf(&mut piece).await;
            match read.map_err(|error| self.unreadable(error))? {
                0 => return Ok(()),
                more if more > left => {
                    let (command, most) = (self.name().to_owned(), hand.most);
                    return Err(ProgramError::Long { command, most });
                }
                more => left -= more,
            }
            // If this fails, the thread is about to be told that nobody reads.
            let _ = hand.pieces.send(Piece::Bytes(piece));
        }
    }

    fn unreadable(&self, error: io::Error) -> ProgramError {
        let command = self.name().to_owned();
        ProgramError::Io { command, error }
    }
}

/// The thread's end of an output.
struct Hand {
    pieces: Sender<Piece>,
    room: Arc<Semaphore>,
    /// How many bytes there may be.
    most: usize,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() && !buffer.is_empty() {
            match self.end {
                End::NotYet => self.next_piece()?,
                End::Good => return Ok(0),
                End::Bad => return Err(io::Error::other("the program did not end well")),
            }
        }
        let unread = &self.piece[self.read..];
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Output {
    fn next_piece(&mut self) -> io::Result<()> {
        self.end = End::Bad;
        match self.pieces.recv() {
            Ok(Piece::Bytes(piece)) => {
                self.room.add_permits(1);
                (self.piece, self.read) = (piece, 0);
                self.end = End::NotYet;
                Ok(())
            }
            Ok(Piece::End(Ok(()))) => {
                self.end = End::Good;
                Ok(())
            }
            Ok(Piece::End(Err(error))) => Err(io::Error::other(error)),
            Err(_) => Err(io::Error::other("postroom failed while it read (a bug)")),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
    }
}

/// The end of what it said, its last lines one after the other, without control characters.
fn last_words(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let plain = |line: &str| -> String {
        let plain = line.trim().chars();
        plain.filter(|one| !one.is_control()).collect()
    };
    let lines: Vec<String> = said.lines().map(plain).collect();
    let lines: Vec<&str> = lines
        .iter()
        .filter(|it| !it.is_empty())
        .map(String::as_str)
        .collect();
    let words = lines.join(" / ");
    match words.char_indices().nth_back(TOLD - 1) {
        Some((start, _)) if start > 0 => format!("…{}", &words[start..]),
        _ => words,
    }
}
