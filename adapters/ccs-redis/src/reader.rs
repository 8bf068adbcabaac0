//! Reads replies from bytes that arrive in chunks of any size.

use core::mem;

use bytes::{Bytes, BytesMut};
use resp_rs::ParseError;
use resp_rs::resp2::{Frame, parse_frame};

/// The bytes that Redis has sent so far, without the replies that are already read.
#[derive(Default)]
pub(crate) struct Reader {
    received: Bytes,
}

impl Reader {
    /// Adds the bytes that follow.
    pub(crate) fn receive(&mut self, chunk: &[u8]) {
        // Nothing is copied where no reply still holds a part of the bytes.
        let mut received = BytesMut::from(mem::take(&mut self.received));
        received.extend_from_slice(chunk);
        self.received = received.freeze();
    }

    /// Returns the next reply, or `None` if more bytes are needed.
    pub(crate) fn next_reply(&mut self) -> Result<Option<Frame>, ParseError> {
        // Every reply ends with a line end. A long list is not parsed again with each chunk.
        if !self.received.ends_with(b"\r\n") {
            return Ok(None);
        }
        match parse_frame(self.received.clone()) {
            Ok((reply, later)) => {
                self.received = later;
                Ok(Some(reply))
            }
            Err(ParseError::Incomplete) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number of bytes that are received and belong to no reply yet.
    pub(crate) fn pending(&self) -> usize {
        self.received.len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use alloc::{format, vec};

    use super::*;

    #[test]
    fn replies_are_the_same_wherever_their_bytes_are_cut() {
        for (bytes, expected) in replies() {
            for cut in 0..=bytes.len() {
                let chunks = [&bytes[..cut], &bytes[cut..]];
                assert_eq!(read(chunks), Ok(expected.clone()), "cut at {cut}");
            }
        }
    }

    #[test]
    fn replies_are_the_same_one_byte_at_a_time() {
        for (bytes, expected) in replies() {
            assert_eq!(read(bytes.chunks(1)), Ok(expected.clone()));
            assert_eq!(read(bytes.chunks(2)), Ok(expected));
        }
    }

    #[test]
    fn a_list_arrives_one_element_at_a_time() {
        let chunks = ["*3\r\n", "$1\r\na\r\n", "$1\r\nb\r\n", "$1\r\nc\r\n"];
        let expected = list([bulk("a"), bulk("b"), bulk("c")]);
        assert_eq!(read(chunks.map(str::as_bytes)), Ok(vec![expected]));
    }

    #[test]
    fn a_long_string_that_holds_line_ends_arrives_line_by_line() {
        let text = "a line\r\n".repeat(10_000);
        let bytes = format!("${}\r\n{text}\r\n", text.len());
        let chunks = bytes.split_inclusive('\n').map(str::as_bytes);
        assert_eq!(read(chunks), Ok(vec![bulk(&text)]));
    }

    #[test]
    fn an_unfinished_reply_stays_pending() {
        let mut reader = Reader::default();
        reader.receive(b"+OK\r\n*2\r\n$1\r\na\r\n");
        assert_eq!(reader.next_reply(), Ok(Some(Frame::SimpleString("OK".into()))));
        for _ in 0..2 {
            assert_eq!(reader.next_reply(), Ok(None));
            assert_eq!(reader.pending(), 11);
        }
    }

    #[test]
    fn bytes_of_another_protocol_are_an_error() {
        for bytes in
            ["HTTP/1.1 400 Bad Request\r\n\r\n", "*x\r\n", "$-2\r\n", ":\r\n", "$1\r\nabc\r\n"]
        {
            assert!(read([bytes.as_bytes()]).is_err(), "{bytes}");
        }
    }

    /// Bytes, and the replies in them.
    fn replies() -> Vec<(Vec<u8>, Vec<Frame>)> {
        let long = "0123456789\r\n".repeat(100);
        let nested = list([list([bulk("a"), list([])]), Frame::Integer(-7)]);
        [
            ("*0\r\n".into(), vec![list([])]),
            ("*-1\r\n".into(), vec![Frame::Array(None)]),
            ("$-1\r\n".into(), vec![Frame::BulkString(None)]),
            ("$0\r\n\r\n".into(), vec![bulk("")]),
            ("-WRONGTYPE not a hash\r\n".into(), vec![Frame::Error("WRONGTYPE not a hash".into())]),
            (
                "*3\r\n$1\r\na\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n".into(),
                vec![list([bulk("a"), bulk(""), bulk("\r\n\r\n")])],
            ),
            ("*2\r\n*2\r\n$1\r\na\r\n*0\r\n:-7\r\n".into(), vec![nested]),
            (format!("${}\r\n{long}\r\n", long.len()), vec![bulk(&long)]),
            (
                format!("*2\r\n${}\r\n{long}\r\n$1\r\n{{\r\n", long.len()),
                vec![list([bulk(&long), bulk("{")])],
            ),
            (
                "+OK\r\n*2\r\n$2\r\n{}\r\n$2\r\n[]\r\n".into(),
                vec![Frame::SimpleString("OK".into()), list([bulk("{}"), bulk("[]")])],
            ),
        ]
        .map(|(bytes, replies): (alloc::string::String, _)| (bytes.into_bytes(), replies))
        .into()
    }

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Frame>, ParseError> {
        let (mut reader, mut replies) = (Reader::default(), Vec::new());
        for chunk in chunks {
            reader.receive(chunk);
            while let Some(reply) = reader.next_reply()? {
                replies.push(reply);
            }
        }
        assert_eq!(reader.pending(), 0);
        Ok(replies)
    }

    fn bulk(text: &str) -> Frame {
        Frame::BulkString(Some(Bytes::copy_from_slice(text.as_bytes())))
    }

    fn list<const N: usize>(elements: [Frame; N]) -> Frame {
        Frame::Array(Some(elements.into()))
    }
}
