//! The programs under test: found beside the test executable, run with a deadline, everything they say captured.
//!
//! cargo does not build another package's binaries for a tests package, so they are looked for where `cargo build
//! --workspace --bins` of the same profile puts them. A missing or outdated one fails the test, saying what to run.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// No command of a test may take longer, unless it says so.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a program of this workspace was built.
///
/// # Panics
/// When it is missing, or older than a source file that cargo lists for it.
#[must_use]
pub fn bin(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("a test lives in target/<profile>/deps");
    let program = profile.join(name);
    let build = "run `cargo build --workspace --bins` in the profile of the tests first (scripts/test does)";
    let built = modified(&program).unwrap_or_else(|| panic!("{} is missing: {build}", program.display()));
    let listed = std::fs::read_to_string(profile.join(format!("{name}.d"))).unwrap_or_default();
    // `<program>: <source> <source> …`, blanks in paths escaped.
    let sources = listed.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\u{0}");
    for source in sources.split_whitespace().map(|path| path.replace('\u{0}', " ")) {
        let changed = modified(Path::new(&source));
        assert!(changed.is_some_and(|at| at <= built), "{} is older than {source}: {build}", program.display());
    }
    program
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

/// What a finished program left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its results.
    pub stdout: String,
    /// Everything else it said.
    pub stderr: String,
}

impl Ran {
    /// This, if it ended with the exit code.
    ///
    /// # Panics
    /// With everything it said, if it did not.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "wrong exit code\n-- stdout\n{}\n-- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Its results as JSON.
    ///
    /// # Panics
    /// With everything it said, if they are no JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| {
            panic!("stdout is not JSON ({why})\n-- stdout\n{}\n-- stderr\n{}", self.stdout, self.stderr)
        })
    }
}

/// A command line of `optionfleet` and where to run it.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    patience: Duration,
    line: String,
    /// Whether nobody reads its stderr.
    unheard: bool,
}

impl Invocation {
    /// `optionfleet` in a directory, without anything of the caller's environment that could change an answer.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self::of(&bin("optionfleet"), directory)
    }

    /// Any program in a directory.
    #[must_use]
    pub fn of(program: &Path, directory: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", directory);
        let line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { command, patience: PATIENCE, line, unheard: false }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self.line = format!("{} {}", self.line, arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Waits at most so long for its end.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Nobody reads its stderr, from the beginning: a pipe whose other end is closed, as after `2>&1 | head`.
    #[must_use]
    pub const fn unheard(mut self) -> Self {
        self.unheard = true;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end in time; it is killed then.
    #[must_use]
    pub fn run(self) -> Ran {
        let patience = self.patience;
        self.spawn().wait(patience)
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|why| panic!("cannot start `{}`: {why}", self.line));
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().filter(|_| !self.unheard).map(collect);
        Running { child, stdout, stderr, line: self.line }
    }
}

/// A program that was started; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    line: String,
}

impl Running {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Sends it a signal by name, such as `TERM` or `STOP`.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "`{}` cannot be sent {name}", self.line);
    }

    /// Ends it as `kill -9` does and returns what it had said.
    ///
    /// # Panics
    /// When it cannot be killed.
    #[must_use]
    pub fn kill(mut self) -> Ran {
        self.child.kill().expect("a child can be killed");
        self.wait(PATIENCE)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time; it is killed then.
    #[must_use]
    pub fn wait(mut self, patience: Duration) -> Ran {
        let give_up = Instant::now() + patience;
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None if Instant::now() >= give_up => {
                    self.child.kill().expect("a child can be killed");
                    self.child.wait().expect("a killed child ends");
                    let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
                    panic!("`{}` did not end within {patience:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}", self.line)
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        Ran { code: status.code(), stdout: text(self.stdout.take()), stderr: text(self.stderr.take()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            // It may end by itself in between, which is as good.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a broken pipe is still worth showing.
        drop(pipe.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn text(reader: Option<JoinHandle<String>>) -> String {
    reader.and_then(|handle| handle.join().ok()).unwrap_or_default()
}
