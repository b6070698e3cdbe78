//! A TCP proxy that makes a server look far away: every byte arrives as much later as the way
//! takes, in order, and a line as long as that holds any number of them. Nothing limits how many
//! bytes a second go through; loopback does not lose any either.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Opens a line to `server` that takes `one_way` in each direction, and answers where it begins.
/// It stays until the process ends.
pub(crate) fn open(server: SocketAddr, one_way: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let begin = listener.local_addr()?;
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            // A client that cannot be connected sees its connection close.
            let _ = connect(client, server, one_way);
        }
    });
    Ok(begin)
}

fn connect(client: TcpStream, server: SocketAddr, one_way: Duration) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    carry(client.try_clone()?, server.try_clone()?, one_way);
    carry(server, client, one_way);
    Ok(())
}

/// Carries one direction: one thread notes when bytes come, another lets them go when it is time.
fn carry(from: TcpStream, to: TcpStream, one_way: Duration) {
    let (on_the_way, arriving) = channel();
    thread::spawn(move || read(from, &on_the_way, one_way));
    thread::spawn(move || write(to, &arriving));
}

fn read(mut from: TcpStream, on_the_way: &Sender<(Instant, Vec<u8>)>, one_way: Duration) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        // The end is a piece without bytes, and takes its time too.
        let count = from.read(&mut bytes).unwrap_or(0);
        let piece = (Instant::now() + one_way, bytes[..count].to_vec());
        if on_the_way.send(piece).is_err() || count == 0 {
            return;
        }
    }
}

fn write(mut to: TcpStream, arriving: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in arriving {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
