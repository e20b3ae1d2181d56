//! One server process: started on a free port, watched until it says that it is ready, signalled, ended.
//!
//! It owns a temporary folder with the server's store, configuration and log. A guardian (a shell that reads from a
//! pipe) ends the server and deletes the folder when the test process vanishes without a word.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that is not ready by then is broken: they need 20–100 ms on an idle machine.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Another port is tried so many times.
const PORTS_TRIED: u32 = 5;
/// How often a state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Ports are drawn below the range from which the system takes ports for outgoing connections: a port that a killed
/// server left is still free when it is restarted.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// Kills the server ($1) and deletes its folder ($2) when its standard input ends without a line.
const GUARDIAN: &str = r#"trap '' INT TERM HUP; read -r line && exit 0; kill -9 "$1" 2>/dev/null; rm -rf -- "$2""#;

/// Makes a server's configuration, given its port and the folder for its store.
type Configure = dyn Fn(u16, &Path) -> String + Send + Sync;

/// What kind of server, and how it is started.
pub(crate) struct Program {
    /// Of the executable, looked for in PATH and the folders of administrators' programs.
    pub name: &'static str,
    /// What its log says once it serves.
    pub ready: &'static str,
    /// Its configuration.
    pub configuration: Box<Configure>,
    /// Arguments before the configuration file's name.
    pub arguments: &'static [&'static str],
}

/// A server process.
pub(crate) struct Process {
    program: Program,
    executable: PathBuf,
    folder: TempDir,
    port: u16,
    running: Option<Running>,
}

struct Running {
    server: Child,
    guardian: Child,
}

/// How a start ended.
enum Start {
    Ready,
    PortTaken,
    Failed(String),
}

impl Process {
    pub(crate) fn start(program: Program) -> Self {
        let executable = find(program.name);
        let folder = tempfile::tempdir().expect("a temporary folder for a test server");
        let mut process = Self { program, executable, folder, port: 0, running: None };
        for _ in 0..PORTS_TRIED {
            process.port = free_port();
            match process.launch() {
                Start::Ready => return process,
                Start::PortTaken => {}
                Start::Failed(why) => panic!("{} did not start: {why}", process.program.name),
            }
        }
        panic!("{} found {PORTS_TRIED} ports taken one after the other", process.program.name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server was killed and not restarted: it has no process id").server.id()
    }

    pub(crate) fn kill(&mut self) {
        let Some(Running { mut server, mut guardian }) = self.running.take() else { return };
        // Already ended is as good as killed.
        let _ = server.kill();
        let _ = server.wait();
        if let Some(mut pipe) = guardian.stdin.take() {
            let _ = pipe.write_all(b"ended\n");
        }
        let _ = guardian.wait();
    }

    /// On the same port, with the same store.
    pub(crate) fn restart(&mut self) {
        self.kill();
        match self.launch() {
            Start::Ready => {}
            Start::PortTaken => panic!("{}: somebody took port {} meanwhile", self.program.name, self.port),
            Start::Failed(why) => panic!("{} did not start again: {why}", self.program.name),
        }
    }

    pub(crate) fn restart_wiped(&mut self) {
        self.kill();
        fs::remove_dir_all(self.store()).expect("deleting a test server's store");
        self.restart();
    }

    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        // The signal is on its way when `kill` returns; where the system tells states, wait for it.
        let stat = format!("/proc/{}/stat", self.pid());
        let give_up = Instant::now() + Duration::from_secs(2);
        while Instant::now() < give_up
            && let Ok(line) = fs::read_to_string(&stat)
            && !line.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    pub(crate) fn log(&self) -> String {
        // Only for people and for the wait below: bytes that are no text do not matter.
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn signal(&self, name: &str) {
        let done = Command::new("sh").args(["-c", r#"kill -"$1" "$2""#, "sh", name, &self.pid().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()), "{} could not be sent SIG{name}", self.program.name);
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn launch(&mut self) -> Start {
        fs::create_dir_all(self.store()).expect("making a test server's store folder");
        let configuration = self.folder.path().join("configuration");
        fs::write(&configuration, (self.program.configuration)(self.port, &self.store()))
            .expect("writing a test server's configuration");
        let said_before = self.log().len();
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).expect("opening a log");
        let server = Command::new(&self.executable)
            .args(self.program.arguments)
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(both(&log))
            .stderr(both(&log))
            // A Ctrl-C at a terminal is for the test; the guardian ends the server.
            .process_group(0)
            .spawn();
        let server = match server {
            Ok(server) => server,
            Err(error) => return Start::Failed(format!("{}: {error}", self.executable.display())),
        };
        let guardian = guard(server.id(), self.folder.path());
        self.running = Some(Running { server, guardian });
        self.until_ready(said_before)
    }

    fn until_ready(&mut self, said_before: usize) -> Start {
        let give_up = Instant::now() + READY_WITHIN;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        loop {
            // Looked at before the log: what a process said before it ended is in the log then.
            let ended = self.running.as_mut().and_then(|running| running.server.try_wait().ok().flatten());
            let log = self.log();
            let said = log.get(said_before..).unwrap_or_default();
            if let Some(status) = ended {
                let said = said.to_lowercase();
                self.kill();
                return if said.contains("in use") {
                    Start::PortTaken
                } else {
                    Start::Failed(format!("it ended with {status} and said:\n{said}"))
                };
            }
            // Its own word, not only an open port: that could be somebody else's.
            if said.contains(self.program.ready) && TcpStream::connect_timeout(&address, READY_WITHIN).is_ok() {
                return Start::Ready;
            }
            if Instant::now() > give_up {
                let why = format!("not ready within {READY_WITHIN:?}; it said:\n{said}");
                self.kill();
                return Start::Failed(why);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn both(log: &File) -> Stdio {
    Stdio::from(log.try_clone().expect("a second handle of a log"))
}

fn guard(server: u32, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", GUARDIAN, "sh"])
        .arg(server.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell to guard a test server")
}

/// A port nobody listens on now.
fn free_port() -> u16 {
    let draw = RandomState::new();
    for n in 0..1_000_u32 {
        let offset = draw.hash_one(n) % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(offset).expect("an offset within the range of ports");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port was found in a thousand tries")
}

fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("`{name}` is not installed: `apt-get install nats-server redis-server`"))
}
