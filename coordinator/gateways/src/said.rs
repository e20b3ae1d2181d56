//! An error in one line.

/// What an error and its causes say, without the requests and answers that the SDK would print with them.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Layers repeat one another, the SDK's above all.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    parts.join(": ")
}
