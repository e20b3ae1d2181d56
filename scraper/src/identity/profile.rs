//! One browser on one device, and the headers that follow from it.
//!
//! Pure. A profile is where coherence comes from: every header of it is computed from the same four things, so that
//! they cannot contradict each other. Forms of the User-Agent are the frozen ones: browsers stopped telling the real
//! version of the system, and so must we.

/// Content encodings our client decodes, in the order browsers name them.
pub(super) const DECODED: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
/// What a browser in US English says.
pub(super) const LANGUAGE: &str = "en-US,en;q=0.9";

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Browser {
    /// Google's.
    Chrome,
    /// Microsoft's, on Chromium.
    Edge,
    /// Mozilla's.
    Firefox,
    /// Apple's.
    Safari,
}

/// Which operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    /// Windows 10 and 11, which browsers do not tell apart.
    Windows,
    /// macOS on either processor.
    MacOs,
    /// Linux on x86-64.
    Linux,
    /// Android.
    Android,
    /// iOS.
    Ios,
}

/// What it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Device {
    /// A desktop or a laptop.
    Desktop,
    /// A phone.
    Phone,
}

/// A browser's version as its User-Agent tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// The major.
    pub(super) major: u32,
    /// The minor; only Safari tells it.
    pub(super) minor: u32,
}

/// One browser on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Profile {
    pub(super) browser: Browser,
    pub(super) version: Version,
    pub(super) system: System,
    pub(super) device: Device,
}

impl Profile {
    /// The headers of every request, name and value, whatever its kind.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        if let Some(brand) = self.brand() {
            headers.push(("sec-ch-ua", brands(self.version.major, brand)));
            headers.push(("sec-ch-ua-mobile", self.mobile_hint().to_owned()));
            headers.push(("sec-ch-ua-platform", format!("\"{}\"", self.platform_hint())));
        }
        headers.push(("user-agent", self.user_agent()));
        headers.push(("accept-encoding", DECODED.join(", ")));
        headers.push(("accept-language", LANGUAGE.to_owned()));
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The frozen User-Agent.
    fn user_agent(&self) -> String {
        let Version { major, minor } = self.version;
        let system = self.agent_system();
        let mobile = match self.device {
            Device::Phone => "Mobile ",
            Device::Desktop => "",
        };
        let chromium = || {
            format!(
                "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 {mobile}Safari/537.36"
            )
        };
        match (self.browser, self.device) {
            (Browser::Chrome, _) => chromium(),
            (Browser::Edge, Device::Desktop) => format!("{} Edg/{major}.0.0.0", chromium()),
            (Browser::Edge, Device::Phone) => format!("{} EdgA/{major}.0.0.0", chromium()),
            (Browser::Firefox, _) => {
                format!("Mozilla/5.0 ({system}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0")
            }
            (Browser::Safari, Device::Desktop) => format!(
                "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.{minor} Safari/605.1.15"
            ),
            (Browser::Safari, Device::Phone) => format!(
                "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.{minor} Mobile/15E148 \
                 Safari/604.1"
            ),
        }
    }

    /// What the User-Agent says of the system. Every form is frozen: Windows 11 says 10.0, macOS 10.15.7, Android 10 on
    /// a model `K`, and iOS since 26 the last version before it.
    const fn agent_system(&self) -> &'static str {
        match (self.system, self.browser) {
            (System::Windows, _) => "Windows NT 10.0; Win64; x64",
            (System::MacOs, Browser::Firefox) => "Macintosh; Intel Mac OS X 10.15",
            (System::MacOs, _) => "Macintosh; Intel Mac OS X 10_15_7",
            (System::Linux, _) => "X11; Linux x86_64",
            (System::Android, Browser::Firefox) => "Android 10; Mobile",
            (System::Android, _) => "Linux; Android 10; K",
            (System::Ios, _) => "iPhone; CPU iPhone OS 18_7 like Mac OS X",
        }
    }

    /// The brand in the client hints; `None`: the browser sends none.
    const fn brand(&self) -> Option<&'static str> {
        match self.browser {
            Browser::Chrome => Some("Google Chrome"),
            Browser::Edge => Some("Microsoft Edge"),
            Browser::Firefox | Browser::Safari => None,
        }
    }

    const fn mobile_hint(&self) -> &'static str {
        match self.device {
            Device::Desktop => "?0",
            Device::Phone => "?1",
        }
    }

    const fn platform_hint(&self) -> &'static str {
        match self.system {
            System::Windows => "Windows",
            System::MacOs => "macOS",
            System::Linux => "Linux",
            System::Android => "Android",
            System::Ios => "iOS",
        }
    }
}

/// `sec-ch-ua` of a Chromium browser's major version, with its GREASE entry (Chromium's `user_agent_utils.cc`:
/// characters, version and order all follow from the major version).
pub(super) fn brands(major: u32, brand: &str) -> String {
    const CHARACTERS: [&str; 11] = [" ", "(", ":", "-", ".", "/", ")", ";", "=", "?", "_"];
    const VERSIONS: [&str; 3] = ["8", "99", "24"];
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let seed = major as usize;
    let (first, second) = (CHARACTERS[seed % 11], CHARACTERS[(seed + 1) % 11]);
    let entries = [
        format!("\"Not{first}A{second}Brand\";v=\"{}\"", VERSIONS[seed % 3]),
        format!("\"Chromium\";v=\"{major}\""),
        format!("\"{brand}\";v=\"{major}\""),
    ];
    let mut placed = [""; 3];
    for (entry, place) in entries.iter().zip(ORDERS[seed % 6]) {
        placed[place] = entry;
    }
    placed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_are_what_recorded_browsers_sent() {
        let chrome = |major| brands(major, "Google Chrome");
        assert_eq!(chrome(120), r#""Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120""#);
        assert_eq!(chrome(131), r#""Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24""#);
        let edge = brands(131, "Microsoft Edge");
        assert_eq!(edge, r#""Microsoft Edge";v="131", "Chromium";v="131", "Not_A Brand";v="24""#);
    }

    #[track_caller]
    fn check(browser: Browser, system: System, device: Device, expected: &str) {
        let version = Version { major: 27, minor: 1 };
        assert_eq!(Profile { browser, version, system, device }.user_agent(), expected);
    }

    #[test]
    fn user_agents_are_in_their_frozen_forms() {
        check(
            Browser::Chrome,
            System::Android,
            Device::Phone,
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/27.0.0.0 Mobile Safari/537.36",
        );
        check(
            Browser::Edge,
            System::Windows,
            Device::Desktop,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/27.0.0.0 \
             Safari/537.36 Edg/27.0.0.0",
        );
        check(
            Browser::Firefox,
            System::MacOs,
            Device::Desktop,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:27.0) Gecko/20100101 Firefox/27.0",
        );
        check(
            Browser::Safari,
            System::MacOs,
            Device::Desktop,
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.1 \
             Safari/605.1.15",
        );
        check(
            Browser::Safari,
            System::Ios,
            Device::Phone,
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/27.1 Mobile/15E148 Safari/604.1",
        );
    }
}
