//! The alphabet of text messages (GSM 03.38). One character outside it more than halves the room in a message.

/// Septets of a message of one segment.
pub const SEGMENT: usize = 160;

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Septets a text takes; `None` if it holds a character outside the alphabet.
#[must_use]
pub fn septets(text: &str) -> Option<usize> {
    text.chars()
        .map(|c| match c {
            _ if BASIC.contains(c) => Some(1),
            _ if EXTENDED.contains(c) => Some(2),
            _ => None,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_analytics_are_counted_right() {
        let buy = "BUY S1 7/8 TSLA 19Mar27 450C\nlim 19.20 (19.05x19.40) tgt 22.05 stop 13.45 t/o 5d\n\
                   RSI 31^ %B .08 IVP 22 d.48 ER 33d\nV702 OI2168 ctl+6pp #3F7K";
        assert_eq!(septets(buy), Some(141));
        let exit = "EXIT S1 TSLA 19Mar27 450C #3F7K\nbid 22.10 entry 19.20 +15.1% (+$288 net)\n\
                    target hit, held 3d. YTD S1: 58% n=53 avg +2.1%";
        assert_eq!(septets(exit), Some(120));
        assert_eq!(septets("a → b"), None);
        assert_eq!(septets("€^"), Some(4));
    }
}
