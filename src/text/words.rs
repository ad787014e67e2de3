//! What written words sound like. English; what a rule does not know is left to the model as it is written.

use super::numbers::{cardinal, digits, ordinal, plural, year};

/// Written with or without a dot, said in full.
const ABBREVIATIONS: [(&str, &str); 31] = [
    ("mr", "Mister"),
    ("mrs", "Missus"),
    ("ms", "Miz"),
    ("dr", "Doctor"),
    ("prof", "Professor"),
    ("jr", "Junior"),
    ("sr", "Senior"),
    ("vs", "versus"),
    ("etc", "et cetera"),
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("approx", "approximately"),
    ("dept", "department"),
    ("gov", "Governor"),
    ("capt", "Captain"),
    ("lt", "Lieutenant"),
    ("sgt", "Sergeant"),
    ("col", "Colonel"),
    ("ave", "Avenue"),
    ("blvd", "Boulevard"),
    ("jan", "January"),
    ("feb", "February"),
    ("apr", "April"),
    ("aug", "August"),
    ("sept", "September"),
    ("oct", "October"),
    ("nov", "November"),
    ("dec", "December"),
    ("est", "established"),
    ("inc", "Incorporated"),
    ("ltd", "Limited"),
];
/// Behind a number.
const UNITS: [(&str, &str, &str); 27] = [
    ("km", "kilometer", "kilometers"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("m", "meter", "meters"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("ft", "foot", "feet"),
    ("in", "inch", "inches"),
    ("mi", "mile", "miles"),
    ("mph", "mile per hour", "miles per hour"),
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("s", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("min", "minute", "minutes"),
    ("h", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("ml", "milliliter", "milliliters"),
    ("l", "liter", "liters"),
    ("gb", "gigabyte", "gigabytes"),
    ("mb", "megabyte", "megabytes"),
    ("°c", "degree Celsius", "degrees Celsius"),
    ("°f", "degree Fahrenheit", "degrees Fahrenheit"),
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// After these a number of four digits is a year.
const BEFORE_YEARS: [&str; 14] = [
    "in", "since", "of", "until", "till", "by", "year", "from", "before", "after", "around", "during", "spring",
    "summer",
];
/// After these a Roman numeral counts; after other names it ranks (Henry VIII).
const COUNTED: [&str; 18] = [
    "act", "appendix", "article", "book", "chapter", "class", "figure", "grade", "group", "level", "part", "phase",
    "scene", "section", "stage", "type", "volume", "war",
];
/// All capitals, but said as a word.
const WORDS_IN_CAPITALS: [&str; 8] = ["NASA", "NATO", "AIDS", "UNICEF", "COVID", "OPEC", "SCUBA", "LASER"];

/// The words of `text` (a sentence or part of one) as they are said: ASCII letters and plain punctuation.
#[must_use]
pub fn spoken(text: &str) -> String {
    let folded: String = ranges(text).chars().flat_map(fold).collect();
    let shouted = !folded.chars().any(|c| c.is_ascii_lowercase()) && folded.split_whitespace().count() > 2;
    let words: Vec<&str> = folded.split_whitespace().collect();
    let mut out: Vec<String> = Vec::new();
    let mut skip = false;
    for (at, word) in words.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let before = at.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or("");
        let after = words.get(at + 1).copied().unwrap_or("");
        let core = word.trim_start_matches(['(', '[', '{', '"', '\'', '*', '_', '<']);
        let trimmed = core.trim_end_matches([',', '.', '!', '?', ';', ':', ')', ']', '}', '"', '\'', '*', '_', '>']);
        let mut tail: String = core[trimmed.len()..].chars().filter(|c| ",.!?;:".contains(*c)).collect();
        let said = if let Some(area) = area_code(word, after) {
            tail = ",".into();
            area
        } else if let Some((said, took)) = with_next(trimmed, after) {
            skip = took;
            if took {
                let rest = after.trim_end_matches([',', '.', '!', '?', ';', ':']);
                tail = after[rest.len()..].into();
            }
            said
        } else if let Some(full) = abbreviation(trimmed, &tail, after) {
            if tail.starts_with('.') && !after.is_empty() {
                tail.remove(0);
            }
            full
        } else if half_of_day(trimmed) && before.starts_with(|c: char| c.is_ascii_digit()) {
            if trimmed.contains('.') && !after.is_empty() {
                tail = tail.replacen('.', "", 1);
            }
            meridiem(trimmed)
        } else {
            word_said(trimmed, before, shouted)
        };
        if said.is_empty() && tail.is_empty() {
            continue;
        }
        out.push(said + &tail);
    }
    out.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A long dash between two numbers, with spaces or without, as the hyphen that [`range`] reads.
fn ranges(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['–', '—']) {
        let (before, dash) = rest.split_at(at);
        let after = dash.trim_start_matches(['–', '—']);
        let between = before.trim_end().ends_with(|c: char| c.is_ascii_digit())
            && after.trim_start().starts_with(|c: char| c.is_ascii_digit());
        if between {
            out += before.trim_end();
            out.push('-');
            rest = after.trim_start();
        } else {
            out += before;
            out += &dash[..dash.len() - after.len()];
            rest = after;
        }
    }
    out + rest
}

/// What needs the next word: money in millions, a number with its unit, half past five "pm". Says whether the next word was used.
fn with_next(word: &str, next: &str) -> Option<(String, bool)> {
    let bare = next.trim_end_matches([',', '.', '!', '?', ';', ':', ')']).to_ascii_lowercase();
    if let Some((currency, "")) = money(word) {
        return Some((currency_said(currency, &bare)?, true));
    }
    if let Some((currency, amount)) = money(word) {
        let short = [("bn", "billion"), ("tn", "trillion"), ("k", "thousand"), ("m", "million"), ("b", "billion")];
        let lower = amount.to_ascii_lowercase();
        if let Some((amount, name)) = short.iter().find_map(|(s, name)| Some((lower.strip_suffix(s)?, name))) {
            return Some((format!("{} {name} {}", number(amount)?, plural(currency.0)), false));
        }
        let large = ["thousand", "million", "billion", "trillion"].contains(&bare.as_str());
        return Some(if large {
            (format!("{} {bare} {}", number(amount)?, plural(currency.0)), true)
        } else {
            (currency_said(currency, amount)?, false)
        });
    }
    let value = number(word).or_else(|| range(word))?;
    // "in" is a word more often than inches.
    if bare == "in" {
        return None;
    }
    let unit = UNITS.iter().find(|u| u.0 == bare && (next.len() > 1 || next == bare))?;
    Some((format!("{value} {}", if word == "1" { unit.1 } else { unit.2 }), true))
}

type Currency = (&'static str, &'static str);

/// `$3.50`, `£5`, `€1,200`, `5$`; a sign alone has an empty amount.
fn money(word: &str) -> Option<(Currency, &str)> {
    let currencies = [("$", ("dollar", "cent")), ("£", ("pound", "penny")), ("€", ("euro", "cent"))];
    let sides = |sign| word.strip_prefix(sign).or(word.strip_suffix(sign));
    currencies.into_iter().find_map(|(sign, names)| sides(sign).map(|amount| (names, amount)))
}

fn currency_said((whole, part): Currency, amount: &str) -> Option<String> {
    let (units, cents) = amount.split_once('.').unwrap_or((amount, ""));
    let units = integer(units)?;
    let name = |n: u64, one: &str| {
        let many = if one == "penny" { "pence".into() } else { plural(one) };
        format!("{} {}", cardinal(n), if n == 1 { one.into() } else { many })
    };
    if !cents.chars().all(|c| c.is_ascii_digit()) || cents.len() > 2 {
        return Some(format!("{} {}", number(amount)?, plural(whole)));
    }
    let cents: u64 = if cents.is_empty() { 0 } else { format!("{cents:0<2}").parse().ok()? };
    Some(match (units, cents) {
        (units, 0) => name(units, whole),
        (0, cents) => name(cents, part),
        (units, cents) => format!("{} and {}", name(units, whole), name(cents, part)),
    })
}

fn abbreviation(word: &str, tail: &str, next: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let capital = next.chars().next().is_some_and(char::is_uppercase);
    if lower == "st" && tail.starts_with('.') {
        return Some(if capital { "Saint" } else { "Street" }.into());
    }
    if lower == "no" && tail.starts_with('.') && next.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("Number".into());
    }
    let dotted = tail.starts_with('.') || word.contains('.');
    let found = ABBREVIATIONS.iter().find(|(short, _)| *short == lower)?;
    // Without a dot only titles are abbreviations: "dec" and "inc" are not.
    let title = matches!(found.0, "mr" | "mrs" | "ms" | "dr") && capital;
    (dotted || title || found.0 == "vs").then(|| found.1.into())
}

fn word_said(word: &str, before: &str, shouted: bool) -> String {
    if !word.contains(|c: char| c.is_ascii_digit()) {
        return letters_said(word, before, shouted);
    }
    let rules = [time, date, telephone, version, range, fraction, percent, sequence, decade];
    if let Some(said) = rules.iter().find_map(|rule| rule(word)) {
        return said;
    }
    if word.contains("://") || word.starts_with("www.") || word.contains('@') {
        return address(word);
    }
    if let Some(value) = word.parse::<u64>().ok().filter(|v| word.len() == 4 && (1100..2100).contains(v)) {
        let before = before.trim_end_matches(',').to_ascii_lowercase();
        let month = MONTHS.iter().any(|m| m.to_ascii_lowercase() == before);
        let day = before.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<u64>().is_ok_and(|d| d <= 31);
        if BEFORE_YEARS.contains(&before.as_str()) || month || day {
            return year(value);
        }
    }
    if let Some(said) = number(word) {
        return said;
    }
    // A number and letters in one word: "5km", "3pm", "B12".
    let mut parts: Vec<String> = Vec::new();
    for c in word.chars() {
        let joins = parts.last().and_then(|p| p.chars().last()).is_some_and(|l| {
            (l.is_ascii_digit() || l == '.' || l == ',') == (c.is_ascii_digit() || c == '.' || c == ',')
        });
        match parts.last_mut() {
            Some(part) if joins => part.push(c),
            _ => parts.push(c.into()),
        }
    }
    let said = |(at, part): (usize, &String)| {
        if let Some(value) = number(part) {
            return value;
        }
        let lower = part.to_ascii_lowercase();
        let one = at > 0 && parts[at - 1] == "1";
        // "MP3s": more than one. Only what begins with its number is a measure.
        if lower == "s" && at > 1 {
            return "s".into();
        }
        match UNITS.iter().find(|u| u.0 == lower) {
            _ if at > 0 && (lower == "am" || lower == "pm") => meridiem(&lower),
            Some(unit) if at > 0 => if one { unit.1 } else { unit.2 }.into(),
            _ => letters_said(part, "", false),
        }
    };
    parts.iter().enumerate().map(said).collect::<Vec<_>>().join(" ")
}

fn letters_said(word: &str, before: &str, shouted: bool) -> String {
    if word.contains("://") || word.starts_with("www.") || (word.contains('@') && word.len() > 1) {
        return address(word);
    }
    let named = before.chars().next().is_some_and(char::is_uppercase) && before.len() > 1;
    if let Some(value) = roman(word).filter(|_| named) {
        let counted = COUNTED.contains(&before.to_ascii_lowercase().as_str());
        return if counted { cardinal(value) } else { format!("the {}", ordinal(value)) };
    }
    let capitals = word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '.');
    if capitals && !shouted && word.len() < 7 && !WORDS_IN_CAPITALS.contains(&word) {
        return word.chars().filter(char::is_ascii_alphabetic).map(String::from).collect::<Vec<_>>().join(" ");
    }
    let mut out = String::new();
    for c in word.chars() {
        match c {
            '&' => out += " and ",
            '@' => out += " at ",
            '%' => out += " percent ",
            '+' => out += " plus ",
            '=' => out += " equals ",
            '#' => out += " number ",
            '°' => out += " degrees ",
            '/' | '_' | '|' | '~' => out.push(' '),
            c if c.is_ascii_alphanumeric() || "'-,.!?;:".contains(c) => out.push(c),
            _ => {}
        }
    }
    let said = if shouted { out.to_ascii_lowercase() } else { out };
    // A dash that stands alone is a pause.
    if said.chars().all(|c| "-'.".contains(c)) { String::new() } else { said }
}

/// `1,234`, `3.14`, `-5`.
fn number(word: &str) -> Option<String> {
    let (sign, word) = word.strip_prefix('-').map_or(("", word), |rest| ("minus ", rest));
    if let Some((whole, part)) = word.split_once('.') {
        let part = Some(part).filter(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()))?;
        let whole = if whole.is_empty() { 0 } else { integer(whole)? };
        return Some(format!("{sign}{} point {}", cardinal(whole), digits(part)));
    }
    Some(match integer(word) {
        Some(value) => sign.to_owned() + &cardinal(value),
        // Too long to have a name.
        None if word.len() > 15 && word.chars().all(|c| c.is_ascii_digit()) => digits(word),
        None => return None,
    })
}

fn integer(word: &str) -> Option<u64> {
    let plain = if word.contains(',') {
        let groups: Vec<&str> = word.split(',').collect();
        let fits = groups[1..].iter().all(|g| g.len() == 3) && (1..=3).contains(&groups[0].len());
        fits.then(|| groups.concat())?
    } else {
        word.to_owned()
    };
    plain.chars().all(|c| c.is_ascii_digit()).then(|| plain.parse().ok())?
}

fn two(text: &str, most: u64) -> Option<u64> {
    let value = Some(text).filter(|t| (1..=2).contains(&t.len()))?.parse().ok()?;
    (value <= most).then_some(value)
}

fn half_of_day(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "am" | "pm" | "a.m" | "p.m")
}

fn meridiem(letters: &str) -> String {
    letters
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_uppercase().to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `5:30`, `17:05pm`.
fn time(word: &str) -> Option<String> {
    let (hours, rest) = word.split_once(':')?;
    let minutes: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let suffix = &rest[minutes.len()..];
    if minutes.len() != 2 || !["", "am", "pm", "AM", "PM"].contains(&suffix) {
        return None;
    }
    let said = match (two(hours, 24)?, two(&minutes, 59)?) {
        (hour, 0) if suffix.is_empty() => format!("{} o'clock", cardinal(hour)),
        (hour, 0) => cardinal(hour),
        (hour, minute @ 1..10) => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        (hour, minute) => format!("{} {}", cardinal(hour), cardinal(minute)),
    };
    Some(format!("{said} {}", meridiem(suffix)).trim().to_owned())
}

/// `2026-11-23`, `11/23/2026`.
fn date(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.split(['-', '/']).collect();
    let [a, b, c] = parts[..] else { return None };
    let (y, m, d) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    if y.len() != 4 {
        return None;
    }
    let month = MONTHS.get(usize::try_from(two(m, 12)?).ok()?.checked_sub(1)?)?;
    Some(format!("{month} {}, {}", ordinal(two(d, 31)?), year(y.parse().ok()?)))
}

/// `555-0199`, `212-555-0199`.
fn telephone(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.trim_start_matches('+').split(['-', '.']).collect();
    let shape: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    let fits = matches!(shape[..], [3, 4] | [3, 3, 4] | [1, 3, 3, 4]) && !(word.contains('.') && shape.len() == 2);
    let numeric = parts.iter().all(|p| p.chars().all(|c| c.is_ascii_digit()));
    (fits && numeric).then(|| parts.iter().map(|p| digits(p)).collect::<Vec<_>>().join(", "))
}

/// `(212)` before `555-0199`.
fn area_code(word: &str, next: &str) -> Option<String> {
    let code = word.strip_prefix('(')?.strip_suffix(')').filter(|c| c.len() == 3)?;
    let follows = telephone(next.trim_end_matches([',', '.', '!', '?', ';', ':', ')'])).is_some();
    (follows && code.chars().all(|c| c.is_ascii_digit())).then(|| digits(code))
}

/// `3.5.1`.
fn version(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.trim_start_matches(['v', 'V']).split('.').collect();
    let said: Vec<String> = parts.iter().map(|p| integer(p).map(cardinal)).collect::<Option<_>>()?;
    (parts.len() > 2).then(|| said.join(" point "))
}

/// `5-10`.
fn range(word: &str) -> Option<String> {
    let (from, to) = word.split_once('-').filter(|(from, _)| !from.is_empty())?;
    Some(format!("{} to {}", number(from)?, number(to)?))
}

/// `1/2`, `3/4`, `24/7`.
fn fraction(word: &str) -> Option<String> {
    let (above, below) = word.split_once('/')?;
    let (a, b) = (integer(above)?, integer(below)?);
    let name = match b {
        2 => "half".into(),
        4 => "quarter".into(),
        3 | 5..=10 | 100 if a < b => ordinal(b),
        _ => return Some(format!("{} {}", cardinal(a), cardinal(b))),
    };
    let name = match (a, b) {
        (1, _) => name,
        (_, 2) => "halves".into(),
        _ => name + "s",
    };
    Some(format!("{} {name}", cardinal(a)))
}

/// `12.5%`.
fn percent(word: &str) -> Option<String> {
    Some(format!("{} percent", number(word.strip_suffix('%')?)?))
}

/// `1st`, `22nd`.
fn sequence(word: &str) -> Option<String> {
    let stem = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending))?;
    Some(ordinal(integer(stem)?))
}

/// `1990s`, `80s`.
fn decade(word: &str) -> Option<String> {
    let value = integer(word.strip_suffix("'s").or(word.strip_suffix('s'))?)?;
    let fits = value.is_multiple_of(10) && (matches!(value, 20..100) || (1100..2100).contains(&value));
    fits.then(|| plural(&year(value)))
}

/// An address of the web or of mail.
fn address(word: &str) -> String {
    let bare = word.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let mut out = String::new();
    for c in bare.chars() {
        match c {
            '.' => out += " dot ",
            '@' => out += " at ",
            '/' => out += " slash ",
            '-' => out += " dash ",
            '_' => out += " underscore ",
            c if c.is_ascii_digit() => out += &format!(" {} ", digits(&c.to_string())),
            c if c.is_ascii_alphabetic() => out.push(c),
            _ => out.push(' '),
        }
    }
    out.replace("www ", "W W W ")
}

/// Small Roman numerals of two letters or more.
fn roman(word: &str) -> Option<u64> {
    let value = |c| [('I', 1), ('V', 5), ('X', 10)].into_iter().find(|(letter, _)| *letter == c).map(|(_, v)| v);
    let values: Vec<u64> = word.chars().map(value).collect::<Option<_>>()?;
    if values.len() < 2 {
        return None;
    }
    let mut sum = 0;
    for (at, v) in values.iter().enumerate() {
        if values.get(at + 1).is_some_and(|next| next > v) { sum -= *v as i64 } else { sum += *v as i64 }
    }
    u64::try_from(sum).ok()
}

/// One character in plain letters and signs.
fn fold(c: char) -> Vec<char> {
    let plain = match c {
        '’' | '‘' | '`' | '´' => "'",
        '“' | '”' | '«' | '»' | '„' => "\"",
        '–' | '—' => " - ",
        '…' => "...",
        '×' => " times ",
        '÷' => " divided by ",
        '½' => "1/2",
        '¼' => "1/4",
        '¾' => "3/4",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' => "a",
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' => "A",
        'ä' | 'æ' => "ae",
        'Ä' | 'Æ' => "Ae",
        'è' | 'é' | 'ê' | 'ë' | 'ē' => "e",
        'È' | 'É' | 'Ê' | 'Ë' => "E",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'Í' | 'Î' => "I",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' => "o",
        'Ó' | 'Ô' | 'Ø' => "O",
        'ö' | 'œ' => "oe",
        'Ö' => "Oe",
        'ù' | 'ú' | 'û' | 'ū' => "u",
        'ü' => "ue",
        'Ü' => "Ue",
        'ç' | 'č' | 'ć' => "c",
        'Ç' => "C",
        'ñ' | 'ń' => "n",
        'Ñ' => "N",
        'ß' => "ss",
        'š' | 'ś' => "s",
        'ž' | 'ź' | 'ż' => "z",
        'ł' => "l",
        'Ł' => "L",
        'þ' => "th",
        'Þ' => "Th",
        'ð' => "d",
        'Ð' => "D",
        'Č' | 'Ć' => "C",
        'Š' | 'Ś' => "S",
        'Ž' | 'Ź' | 'Ż' => "Z",
        '²' => " squared",
        '³' => " cubed",
        other => return vec![other],
    };
    plain.chars().collect()
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn as_people_read() {
        let cases = [
            ("Set a timer for 25 minutes.", "Set a timer for twenty five minutes."),
            (
                "It costs $3.50, not $1,200.",
                "It costs three dollars and fifty cents, not one thousand two hundred dollars.",
            ),
            ("£5 and €0.99", "five pounds and ninety nine cents"),
            ("A $2.5 million house", "A two point five million dollars house"),
            ("Meet me at 5:30 pm or 17:05.", "Meet me at five thirty P M or seventeen oh five."),
            ("At 9:00 or 3pm", "At nine o'clock or three P M"),
            (
                "On 2026-11-23 and 1/2/1999",
                "On November twenty third, twenty twenty six and January second, nineteen ninety nine",
            ),
            (
                "In 1905 there were 1905 people.",
                "In nineteen oh five there were one thousand nine hundred five people.",
            ),
            ("The 1990s and the 80s", "The nineteen nineties and the eighties"),
            ("The 22nd of May, 1878", "The twenty second of May, eighteen seventy eight"),
            ("Pi is 3.14, about 12% off", "Pi is three point one four, about twelve percent off"),
            ("Call 555-0199 now", "Call five five five, zero one nine nine now"),
            ("5-10 people ate 1/2 of 3/4", "five to ten people ate one half of three quarters"),
            ("Dr. Smith and Mrs. Jones, e.g. St. Paul", "Doctor Smith and Missus Jones, for example Saint Paul"),
            ("Baker St. is No. 7", "Baker Street is Number seven"),
            ("A USB cable from NASA", "A U S B cable from NASA"),
            ("Henry VIII", "Henry the eighth"),
            ("5 km or 5km in 1 h", "five kilometers or five kilometers in one hour"),
            ("20°C & 3+4=7", "twenty degrees Celsius and three plus four equals seven"),
            (
                "Mail me@example.com or see https://zip.dev/a-b",
                "Mail me at example dot com or see zip dot dev slash a dash b",
            ),
            ("Café “naïve” — façade…", "Cafe naive facade..."),
            ("THIS IS LOUD", "this is loud"),
            ("-5 degrees", "minus five degrees"),
            ("It's John's.", "It's John's."),
            ("5–6 days, 5 – 6 °C – or more", "five to six days, five to six degrees Celsius or more"),
            ("€5m, $2bn and $1.5k", "five million euros, two billion dollars and one point five thousand dollars"),
            ("Łódź has 10 m²", "Lodz has ten meters squared"),
            ("Chapter IV of World War II, by Louis XIV", "Chapter four of World War two, by Louis the fourteenth"),
            ("$ 5 or 5$, not 20€.", "five dollars or five dollars, not twenty euros."),
            ("Call (212) 555-0199.", "Call two one two, five five five, zero one nine nine."),
            ("Version 3.5.1 and v2.0.13", "Version three point five point one and two point zero point thirteen"),
        ];
        for (written, said) in cases {
            assert_eq!(spoken(written), said, "{written}");
        }
    }

    #[test]
    fn only_plain_letters_come_out() {
        for text in [
            "日本 hello ☃",
            "a\u{0}b",
            "100000000000000000000000 €",
            "1:2:3 //// @@ %",
            "½ ×",
            "$",
            "$x",
            "3.",
            "..",
            "#1",
        ] {
            let said = spoken(text);
            assert!(said.is_ascii(), "{text}: {said}");
            assert!(!said.contains(|c: char| c.is_ascii_control()), "{text}");
        }
    }
}
