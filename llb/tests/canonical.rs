//! Our bytes against those of a daemon: its own decoder and encoder, in Go, must give back the same
//! digests.

mod corpus;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use buildkit_llb::{Definition, Digest, encode_op};
use buildkit_proto::pb;
use prost::Message as _;

/// Ops that no builder makes: empty sub-messages, empty keys, negative numbers, ops that only other
/// frontends use.
fn odd_ops() -> Vec<pb::Op> {
    use pb::op::Op;
    let entry = |key: &str, value: &str| pb::StringEntry { key: Some(key.into()), value: Some(value.into()) };
    let build = pb::BuildOp {
        builder: -1,
        inputs: vec![
            pb::BuildInputEntry { key: Some(String::new()), value: Some(pb::BuildInput { input: 0 }) },
            pb::BuildInputEntry { key: Some("a".into()), value: Some(pb::BuildInput { input: -1 }) },
        ],
        def: Some(pb::Definition::default()),
        attrs: vec![entry("", ""), entry("a", ""), entry("b", "c")],
    };
    let file = pb::FileOp {
        actions: vec![
            pb::FileAction::default(),
            pb::FileAction {
                input: i64::MIN,
                secondary_input: i64::MAX,
                output: -1,
                action: Some(pb::file_action::Action::Copy(pb::FileActionCopy {
                    owner: Some(pb::ChownOpt {
                        user: Some(pb::UserOpt { user: Some(pb::user_opt::User::ById(0)) }),
                        group: Some(pb::UserOpt { user: None }),
                    }),
                    mode: i32::MIN,
                    timestamp: -5,
                    ..Default::default()
                })),
            },
        ],
    };
    let exec = pb::ExecOp {
        meta: Some(pb::Meta { valid_exit_codes: vec![-1, 0, i32::MAX], ..Default::default() }),
        mounts: vec![pb::Mount {
            tmpfs_opt: Some(pb::TmpfsOpt::default()),
            cache_opt: Some(pb::CacheOpt::default()),
            secret_opt: Some(pb::SecretOpt::default()),
            ssh_opt: Some(pb::SshOpt::default()),
            result_id: "r".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let members = [
        None,
        Some(Op::Build(build)),
        Some(Op::Build(pb::BuildOp::default())),
        Some(Op::File(file)),
        Some(Op::Exec(exec)),
        Some(Op::Exec(pb::ExecOp::default())),
        Some(Op::Passthrough(pb::PassthroughOp { id: "p".into(), outputs: vec![0, 1, -1] })),
        Some(Op::Merge(pb::MergeOp { inputs: vec![pb::MergeInput { input: 0 }, pb::MergeInput { input: -1 }] })),
        Some(Op::Diff(pb::DiffOp { lower: Some(pb::LowerDiffInput { input: 0 }), upper: None })),
        Some(Op::Source(pb::SourceOp {
            identifier: String::new(),
            attrs: vec![entry("", "x"), entry("B", ""), entry("a", "ü"), entry("é", "")],
        })),
    ];
    members
        .into_iter()
        .map(|op| pb::Op {
            op,
            inputs: vec![pb::Input { digest: String::new(), index: -1 }, pb::Input::default()],
            platform: Some(pb::Platform { os_features: vec![String::new(), "a".into()], ..Default::default() }),
            constraints: Some(pb::WorkerConstraints { filter: vec!["f".into()] }),
        })
        .collect()
}

#[test]
fn a_daemon_gives_back_the_same_bytes() {
    let mut definitions: Vec<pb::Definition> =
        corpus::all().unwrap().iter().map(|(_, definition): &(_, Definition)| definition.to_pb()).collect();
    definitions.push(pb::Definition { def: odd_ops().iter_mut().map(encode_op).collect(), ..Default::default() });
    let ours: Vec<String> =
        definitions.iter().flat_map(|definition| &definition.def).map(|op| Digest::of(op).to_string()).collect();

    if Command::new("go").arg("version").output().is_err() {
        eprintln!("SKIPPED: {} ops were not compared, there is no `go`", ours.len());
        return;
    }
    let mut go = Command::new("go")
        .args(["run", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/canonical"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = go.stdin.take().unwrap();
    for definition in &definitions {
        let bytes = definition.encode_to_vec();
        stdin.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
        stdin.write_all(&bytes).unwrap();
    }
    drop(stdin);
    let output = go.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let theirs: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert!(ours.len() > 50, "{} ops", ours.len());
    assert_eq!(ours, theirs);
}
