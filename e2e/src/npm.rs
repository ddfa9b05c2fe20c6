//! A private npm registry: one package, and nothing for those who do not log in.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::Repo;
use crate::run::run;

/// A request, as the registry saw it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its `Authorization`.
    pub authorization: String,
}

/// The registry. It lives as long as the test process.
#[derive(Debug)]
pub struct Registry {
    /// Where it listens.
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Registry {
    /// Serves `@acme/hello` 1.0.0 to those who send this `Authorization`.
    pub fn demanding(authorization: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (wanted, record) = (authorization.to_owned(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is its own affair.
                let _ = answer(&stream, &wanted, &record);
            }
        });
        Self { port, seen }
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(stream: &TcpStream, wanted: &str, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = String::new();
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => value.clone_into(&mut authorization),
            Some(_) => {}
            None => break,
        }
    }
    let (status, body) = match path.as_str() {
        _ if authorization != wanted => ("401 Unauthorized", Vec::new()),
        "/@acme%2fhello/-/hello-1.0.0.tgz" => ("200 OK", package()),
        _ => ("404 Not Found", Vec::new()),
    };
    seen.lock().unwrap().push(Request { path, authorization });
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// `@acme/hello`, the same bytes each time.
pub fn package() -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let files = [
        ("package/package.json", "{\"name\":\"@acme/hello\",\"version\":\"1.0.0\",\"main\":\"index.js\"}\n"),
        ("package/index.js", "module.exports = 'hello';\n"),
    ];
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// The small repository with `@acme/hello` among the backend's dependencies, to be had at an address.
pub fn repo(server: &str) -> Repo {
    let repo = Repo::mini();
    repo.edit("packages/backend/package.json", "\"ms\":", "\"@acme/hello\": \"^1.0.0\",\n    \"ms\":");
    let other = "    \"@internal/greeting\": \"workspace:^\"\n";
    repo.edit("yarn.lock", other, &format!("    \"@acme/hello\": \"npm:^1.0.0\"\n{other}"));
    // As `yarn install` writes it.
    let entry = "\"@acme/hello@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"@acme/hello@npm:1.0.0\"\n  \
        checksum: 10c0/6020def4972e7fa284a2032ea1ab8c80bb48983a6a5a405b2783b5e99aabdde974abcbef805ebe86b4c8bb94f0621279d8e46735a2395e873232e9a25f16504d\n  languageName: node\n  linkType: hard\n\n";
    repo.edit("yarn.lock", "\"@internal/greeting@", &format!("{entry}\"@internal/greeting@"));
    let scope = format!("npmScopes:\n  acme:\n    npmRegistryServer: '{server}'\n");
    repo.append(".yarnrc.yml", &format!("unsafeHttpWhitelist: ['127.0.0.1']\n{scope}"));
    repo
}

/// The same package from a server whose certificate nobody knows.
#[derive(Debug)]
pub struct TlsRegistry {
    dir: TempDir,
    server: Child,
    /// Where it listens.
    pub port: u16,
}

impl TlsRegistry {
    /// Makes a CA and a certificate, and serves.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let openssl = |args: &[&str]| {
            run(Command::new("openssl").current_dir(dir.path()).args(args), 20).expect("openssl");
        };
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        openssl(&[&new[..], &["-subj", "/CN=e2e CA", "-keyout", "ca.key", "-out", "ca.pem"]].concat());
        let names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        let signed = ["-addext", "basicConstraints=CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"];
        openssl(&[&new[..], &names, &signed, &["-keyout", "key.pem", "-out", "cert.pem"]].concat());
        let folder = dir.path().join("@acme%2fhello/-");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hello-1.0.0.tgz"), package()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new("openssl")
            .current_dir(dir.path())
            .args(["s_server", "-quiet", "-WWW", "-key", "key.pem", "-cert", "cert.pem"])
            .args(["-accept", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let served = Self { dir, server, port };
        std::thread::sleep(Duration::from_millis(500));
        served
    }

    /// The CA's certificate.
    pub fn ca(&self) -> std::path::PathBuf {
        self.dir.path().join("ca.pem")
    }
}

impl Drop for TlsRegistry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
