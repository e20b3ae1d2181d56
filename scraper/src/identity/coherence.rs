//! What makes a list of headers incoherent as one browser's: for a configured identity a mistake to point out, for a
//! drawn one an invariant.

use super::Identity;

/// What makes a profile incoherent, one sentence each; empty for a good one. For checking a configuration: an
/// incoherent profile can be sent, but gives itself away.
#[must_use]
pub fn identity_problems(profile: &[(String, String)]) -> Vec<String> {
    let value = |name: &str| profile.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let mut problems = Vec::new();
    for (at, (name, _)) in profile.iter().enumerate() {
        if profile[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            problems.push(format!("the header {name} appears twice"));
        }
    }
    if let Err(error) = Identity::new(profile) {
        problems.push(error.to_string());
    }
    let Some(agent) = value("user-agent") else {
        problems.push("there is no user-agent".to_owned());
        return problems;
    };
    if value("accept-language").is_none() {
        problems.push("there is no accept-language; every browser sends one".to_owned());
    }
    hints(agent, &value, &mut problems);
    agent_itself(agent, &mut problems);
    problems
}

/// Client hints against the User-Agent.
fn hints<'a>(agent: &str, value: &dyn Fn(&str) -> Option<&'a str>, problems: &mut Vec<String>) {
    match (major_after(agent, "Chrome/"), value("sec-ch-ua")) {
        (Some(major), Some(hints)) => {
            if !hints.contains(&format!("\"Chromium\";v=\"{major}\"")) {
                problems.push(format!("sec-ch-ua does not name Chromium {major}, which the user-agent claims to be"));
            }
            if agent.contains("Edg/") && !hints.contains(&format!("\"Microsoft Edge\";v=\"{major}\"")) {
                problems.push(format!("sec-ch-ua does not name Edge {major}, which the user-agent claims to be"));
            }
            if !hints.contains("\"Not") {
                problems.push("sec-ch-ua has no GREASE entry".to_owned());
            }
            match (value("sec-ch-ua-platform"), agent_platform(agent)) {
                (Some(platform), Some(expected)) if platform.trim_matches('"') != expected => {
                    problems.push(format!("sec-ch-ua-platform is {platform}, the user-agent's system is {expected}"));
                }
                (Some(_), _) => {}
                (None, _) => problems.push("sec-ch-ua comes without sec-ch-ua-platform".to_owned()),
            }
            let mobile = agent.contains("Mobile");
            match value("sec-ch-ua-mobile") {
                Some("?1") if mobile => {}
                Some("?0") if !mobile => {}
                Some(_) | None => problems.push("sec-ch-ua-mobile does not agree with the user-agent".to_owned()),
            }
        }
        (Some(_), None) => problems.push("a Chromium user-agent comes without sec-ch-ua".to_owned()),
        (None, Some(_)) => problems.push("only Chromium browsers send sec-ch-ua".to_owned()),
        (None, None) => {}
    }
}

/// The User-Agent against itself.
fn agent_itself(agent: &str, problems: &mut Vec<String>) {
    let safari = agent.contains("Safari/") && agent.contains("Version/");
    if safari && !(agent.contains("Macintosh") || agent.contains("iPhone") || agent.contains("iPad")) {
        problems.push("Safari exists on Apple's systems only".to_owned());
    }
    if let Some(edge) = major_after(agent, "Edg/")
        && major_after(agent, "Chrome/") != Some(edge)
    {
        problems.push(format!("the user-agent claims to be Edge {edge} on another Chromium"));
    }
    if let Some(firefox) = major_after(agent, "Firefox/")
        && major_after(agent, "rv:") != Some(firefox)
    {
        problems.push(format!("the user-agent claims to be Firefox {firefox} with another rv:"));
    }
}

fn major_after(agent: &str, mark: &str) -> Option<u32> {
    let (_, rest) = agent.split_once(mark)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn agent_platform(agent: &str) -> Option<&'static str> {
    [
        ("Windows NT", "Windows"),
        ("Android", "Android"),
        ("CrOS", "Chrome OS"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find_map(|(mark, platform)| agent.contains(mark).then_some(platform))
}
