//! The canonical encoding of an op.
//!
//! A daemon decodes each op and encodes it again with Go's deterministic marshaller; the digest of
//! *those* bytes is the vertex. Other bytes build all the same, but what is keyed by digest is then
//! silently lost: the lines of the build file in errors, the vertex of a warning. prost's encoding
//! differs from Go's in two ways. Entries of maps with an empty key or value are handled by
//! buildkit-proto's declarations. The other is here: Go writes the members of a oneof after all
//! other fields, prost writes fields by number, and `Op`'s oneof has the lower numbers.
//!
//! Rule read in `google.golang.org/protobuf/internal/order`; `tests/canonical` holds it against Go
//! itself.

use buildkit_proto::pb;
use bytes::Bytes;
use prost::Message as _;

/// The bytes that a daemon makes of this op.
///
/// Lists that stand for maps ([`pb::SourceOp::attrs`], [`pb::BuildOp::inputs`]) must be sorted by
/// key.
pub fn encode_op(op: &mut pb::Op) -> Bytes {
    let member = op.op.take();
    let mut bytes = op.encode_to_vec();
    if let Some(member) = &member {
        bytes.reserve_exact(member.encoded_len());
        member.encode(&mut bytes);
    }
    op.op = member;
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oneof_comes_last() {
        let mut op = pb::Op {
            inputs: vec![pb::Input { digest: "d".into(), index: 0 }],
            op: Some(pb::op::Op::Merge(pb::MergeOp { inputs: vec![pb::MergeInput { input: 0 }] })),
            platform: Some(pb::Platform { os: "o".into(), ..Default::default() }),
            constraints: Some(pb::WorkerConstraints::default()),
        };
        let bytes = encode_op(&mut op);
        assert_eq!(
            bytes.as_ref(),
            b"\x0a\x03\x0a\x01d\x52\x03\x12\x01o\x5a\x00\x32\x02\x0a\x00",
            "inputs, platform, constraints, merge"
        );
        assert_eq!(pb::Op::decode(bytes).unwrap(), op);
    }

    #[test]
    fn empty_attrs_are_written() {
        let mut op = pb::Op {
            op: Some(pb::op::Op::Source(pb::SourceOp {
                identifier: "local://a".into(),
                attrs: vec![pb::StringEntry { key: Some("k".into()), value: Some(String::new()) }],
            })),
            ..Default::default()
        };
        let bytes = encode_op(&mut op);
        assert!(bytes.ends_with(b"\x12\x05\x0a\x01k\x12\x00"), "{bytes:?}");
    }
}
