//! The trace context in a task's headers.

use fleet_core::domain::TraceContext;

/// What is read is well formed, and is written as it was read but for its flags.
pub fn trace_context(bytes: &[u8]) {
    let Ok(header) = std::str::from_utf8(bytes) else { return };
    let Some(context) = TraceContext::parse(header) else { return };
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let (trace, parent) = (context.trace_id(), context.parent_id());
    assert!(trace.len() == 32 && hex(&trace) && trace.bytes().any(|byte| byte != b'0'), "{header}");
    assert!(parent.len() == 16 && hex(&parent) && parent.bytes().any(|byte| byte != b'0'), "{header}");
    let written = context.to_string();
    assert_eq!(TraceContext::parse(&written), Some(context));
    assert_eq!((written.len(), header.len()), (55, 55));
    assert_eq!(written[..53], header[..53], "read as another context");
}
