//! Responses that are not taken as the list, and their consequences.

use alloc::vec::Vec;
use core::time::Duration;

use crate::headers;
use crate::upstream::Response;
use crate::upstream::response::is_error_of_api;

/// The consequences of a response that is not taken as the list, for the requests after it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Rejection {
    /// Whether the cluster denies the list: to this caller, or at this address. Otherwise it failed.
    pub(crate) is_denied: bool,
    /// The time for which the node asks not to be asked again, by its `retry-after`: at most a quarter of an
    /// hour.
    pub(crate) retry_after: Duration,
}

impl Rejection {
    /// Reads a response that was not taken as the list.
    pub(crate) fn of(response: &Response) -> Self {
        let is_denied = match response.status {
            // A redirect that is followed is taken, and a login page is one elsewhere.
            301 | 302 | 303 | 307 | 308 | 401 | 403 | 410 => true,
            404 => is_error_of_api(&response.body),
            _ => false,
        };
        let retry_after = retry_after(response).unwrap_or_default().min(LONGEST_RETRY_AFTER);
        Self { is_denied, retry_after }
    }
}

const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// Returns the time of a `retry-after` (RFC 9110, section 10.2.3). It is in seconds, or a date, which is
/// compared with the date of the response.
fn retry_after(response: &Response) -> Option<Duration> {
    let field = |name| {
        let value = headers::single(&response.headers, name)?;
        Some(core::str::from_utf8(value).ok()?.trim())
    };
    let value = field("retry-after").filter(|value| !value.is_empty())?;
    let seconds = match value.bytes().all(|byte| byte.is_ascii_digit()) {
        true => value.parse().unwrap_or(u64::MAX),
        false => seconds(value)?.saturating_sub(seconds(field("date")?)?),
    };
    Some(Duration::from_secs(seconds))
}

/// Returns the seconds from the year 0 to a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn seconds(date: &str) -> Option<u64> {
    // The year begins with March, so that a leap day is its last one.
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let number = |text: &str, most| text.parse().ok().filter(|number: &u64| *number <= most);

    let parts: Vec<_> = date.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = *parts else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let year = number(year, 9999)?.checked_sub(u64::from(month >= 10))?;
    let (day, hour) = (number(day, 31)?, number(hour, 23)?);
    let (minute, second) = (number(minute, 59)?, number(second, 60)?);

    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let date = ("date", "Sun, 28 Feb 2027 23:59:30 GMT");
        for (headers, expected) in [
            (&[][..], None),
            (&[("retry-after", " 120 ")], Some(120)),
            (&[("retry-after", "99999999999999999999")], Some(u64::MAX)),
            (&[("retry-after", "1"), ("retry-after", "2")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "Mon, 01 Mar 2027 00:00:00 GMT")], None),
            (&[("retry-after", "Mon, 01 Mar 2027 00:00:00 GMT"), date], Some(30)),
            (&[("retry-after", "Tue, 29 Feb 2028 00:00:00 GMT"), date], Some(365 * 86_400 + 30)),
            (&[("retry-after", "Sun, 28 Feb 2027 23:59:00 GMT"), date], Some(0)),
            (&[("retry-after", "Sun, 28 Xyz 2027 23:59:00 GMT"), date], None),
            (&[("retry-after", "Sun, 28 Feb 2027 23:59"), date], None),
        ] {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), Vec::from(*value)));
            let headers = headers.collect();
            let response = Response { status: 503, headers, body: Vec::new() };
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&response), expected, "{:?}", response.headers);
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT").map(|it| it / 86_400), Some(719_469));
    }

    #[test]
    fn a_denial_is_the_apis_own() {
        let is_denied = |status, body: &str| {
            let response = Response { status, headers: Vec::new(), body: body.into() };
            Rejection::of(&response).is_denied
        };
        for status in [301, 302, 307, 308, 401, 403, 410] {
            assert!(is_denied(status, ""), "{status}");
        }
        for status in [200, 204, 304, 400, 406, 429, 500, 502, 503, 504] {
            assert!(!is_denied(status, r#"{"error_code":"x"}"#), "{status}");
        }
        assert!(is_denied(404, r#"{"description":"x","error_code":"module_not_exist"}"#));
        for body in ["", "<html>", "[]", "{}", r#"{"error_code":1}"#] {
            assert!(!is_denied(404, body), "{body}");
        }
    }
}
