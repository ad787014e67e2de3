//! Numbers in English words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const GROUPS: [&str; 7] = ["", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion"];

/// "one thousand two hundred thirty four".
#[must_use]
pub fn cardinal(number: u64) -> String {
    if number == 0 {
        return ONES[0].into();
    }
    let (mut groups, mut rest) = (Vec::new(), number);
    for name in GROUPS {
        if rest % 1000 > 0 {
            let words = hundreds(rest % 1000);
            groups.push(if name.is_empty() { words } else { format!("{words} {name}") });
        }
        rest /= 1000;
    }
    groups.reverse();
    groups.join(" ")
}

/// Below a thousand, above zero.
fn hundreds(number: u64) -> String {
    let mut words = Vec::new();
    if number >= 100 {
        words.push(format!("{} hundred", ONES[(number / 100) as usize]));
    }
    match number % 100 {
        0 => {}
        small @ 1..20 => words.push(ONES[small as usize].into()),
        large => {
            let tens = TENS[(large / 10) as usize];
            let ones = large % 10;
            words.push(if ones == 0 { tens.into() } else { format!("{tens} {}", ONES[ones as usize]) });
        }
    }
    words.join(" ")
}

/// "one thousand two hundred thirty fourth".
#[must_use]
pub fn ordinal(number: u64) -> String {
    let words = cardinal(number);
    let (before, last) = words.rsplit_once(' ').map_or(("", words.as_str()), |(b, l)| (b, l));
    let last = match last {
        "one" => "first".into(),
        "two" => "second".into(),
        "three" => "third".into(),
        "five" => "fifth".into(),
        "eight" => "eighth".into(),
        "nine" => "ninth".into(),
        "twelve" => "twelfth".into(),
        other => match other.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{other}th"),
        },
    };
    if before.is_empty() { last } else { format!("{before} {last}") }
}

/// "nineteen oh five", "two thousand six", "twenty twenty six".
#[must_use]
pub fn year(number: u64) -> String {
    let (century, rest) = (number / 100, number % 100);
    if !(1000..10_000).contains(&number) || (2000..2010).contains(&number) || number.is_multiple_of(1000) {
        return cardinal(number);
    }
    let century = cardinal(century);
    match rest {
        0 => format!("{century} hundred"),
        1..10 => format!("{century} oh {}", cardinal(rest)),
        _ => format!("{century} {}", cardinal(rest)),
    }
}

/// Digit by digit.
#[must_use]
pub fn digits(text: &str) -> String {
    let words: Vec<&str> = text.bytes().filter(u8::is_ascii_digit).map(|d| ONES[usize::from(d - b'0')]).collect();
    words.join(" ")
}

/// More than one of what `word` names: "nineties", "dollars".
#[must_use]
pub fn plural(word: &str) -> String {
    word.strip_suffix('y').map_or_else(|| format!("{word}s"), |stem| format!("{stem}ies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(cardinal(0), "zero");
        assert_eq!(cardinal(19), "nineteen");
        assert_eq!(cardinal(340), "three hundred forty");
        assert_eq!(cardinal(1_000_006), "one million six");
        assert_eq!(cardinal(2_993), "two thousand nine hundred ninety three");
        assert!(cardinal(u64::MAX).starts_with("eighteen quintillion four hundred forty six quadrillion"));
    }

    #[test]
    fn ordinals_and_years() {
        for (number, words) in
            [(1, "first"), (12, "twelfth"), (20, "twentieth"), (33, "thirty third"), (100, "one hundredth")]
        {
            assert_eq!(ordinal(number), words);
        }
        let years = [
            (1905, "nineteen oh five"),
            (1900, "nineteen hundred"),
            (2000, "two thousand"),
            (2006, "two thousand six"),
            (2026, "twenty twenty six"),
        ];
        for (number, words) in years {
            assert_eq!(year(number), words);
        }
        assert_eq!(digits("555-0199"), "five five five zero one nine nine");
        assert_eq!((plural("ninety").as_str(), plural("dollar").as_str()), ("nineties", "dollars"));
    }
}
