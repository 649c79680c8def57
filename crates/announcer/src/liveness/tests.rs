use super::*;

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(1000 + millis)
}

struct Two {
    a: Members,
    b: Members,
}

fn members(name: &str, incarnation: u64) -> Members {
    Members::new(NodeId::of(name), incarnation, Timing::DEFAULT)
}

fn two() -> Two {
    Two { a: members("a", 1), b: members("b", 2) }
}

fn beat(from: &mut Members, at: Timestamp) -> Message {
    let echoes = from.echoes(at);
    from.message(at, 0, Body::Beat { version: 1, echoes })
}

fn hear(by: &mut Members, at: Timestamp, message: &Message) -> Vec<Change> {
    let mut out = Vec::new();
    by.hear(at, MAC, message, &mut out);
    out
}

impl Two {
    /// a and b know each other after this.
    fn meet(&mut self) {
        for at in [0, 10, 20] {
            let (from_a, from_b) = (beat(&mut self.a, ms(at)), beat(&mut self.b, ms(at)));
            hear(&mut self.b, ms(at), &from_a);
            hear(&mut self.a, ms(at), &from_b);
        }
        let roster = |name: &str| Body::Roster {
            version: 1,
            base: 0,
            part: 0,
            parts: 1,
            name: name.to_owned(),
            listings: Vec::new(),
        };
        let (from_a, from_b) = (self.a.message(ms(20), 0, roster("a")), self.b.message(ms(20), 0, roster("b")));
        assert!(hear(&mut self.b, ms(20), &from_a).contains(&Change::Known(NodeId::of("a"))));
        hear(&mut self.a, ms(20), &from_b);
        assert!(self.a.alive().count() == 1 && self.b.alive().count() == 1);
    }
}

#[test]
fn a_node_is_believed_when_it_proves_that_it_speaks_now() {
    let mut two = two();
    let first = beat(&mut two.a, ms(0));
    assert_eq!(hear(&mut two.b, ms(0), &first), [], "authentic, but perhaps recorded");
    let answer = beat(&mut two.b, ms(10));
    assert_eq!(hear(&mut two.a, ms(10), &answer), [Change::Up(NodeId::of("b"))], "it echoes what a said just now");
    let second = beat(&mut two.a, ms(20));
    assert_eq!(hear(&mut two.b, ms(20), &second), [Change::Up(NodeId::of("a"))]);
}

#[test]
fn nothing_is_believed_twice() {
    let mut two = two();
    two.meet();
    let word = beat(&mut two.a, ms(30));
    hear(&mut two.b, ms(30), &word);
    let mut out = Vec::new();
    two.b.expire(ms(280), &mut out);
    assert_eq!(hear(&mut two.b, ms(280), &word), []);
    two.b.expire(ms(291), &mut out);
    assert_eq!(out, [Change::Down(NodeId::of("a"), Duration::from_millis(261))], "a repeated beat is no sign of life");
}

#[test]
fn nothing_recorded_is_believed_by_a_node_that_restarts() {
    let mut two = two();
    two.meet();
    let recorded: Vec<Message> = (3..9).map(|n| beat(&mut two.a, ms(n * 10))).collect();
    let mut reborn = members("b", 3);
    for (n, message) in recorded.iter().enumerate() {
        beat(&mut reborn, ms(100 + n as u64 * 10));
        assert_eq!(hear(&mut reborn, ms(100 + n as u64 * 10), message), []);
    }
    assert_eq!(reborn.all().count(), 0);
}

#[test]
fn the_last_words_of_an_earlier_life_are_not_believed() {
    let mut two = two();
    two.meet();
    let old = beat(&mut two.a, ms(30));
    let mut reborn = members("a", 9);
    for at in [40, 50, 60] {
        let from_b = beat(&mut two.b, ms(at));
        hear(&mut reborn, ms(at), &from_b);
        let from_a = beat(&mut reborn, ms(at));
        hear(&mut two.b, ms(at), &from_a);
    }
    assert_eq!(two.b.get(NodeId::of("a")).unwrap().incarnation, 9);
    assert_eq!(hear(&mut two.b, ms(70), &old), []);
    assert_eq!(two.b.get(NodeId::of("a")).unwrap().incarnation, 9);
}

#[test]
fn who_is_heard_by_another_lives() {
    let mut two = two();
    two.meet();
    let mut c = members("c", 3);
    for at in [30, 40, 50] {
        let (from_a, from_b, from_c) = (beat(&mut two.a, ms(at)), beat(&mut two.b, ms(at)), beat(&mut c, ms(at)));
        hear(&mut two.b, ms(at), &from_c);
        hear(&mut two.b, ms(at), &from_a);
        hear(&mut c, ms(at), &from_a);
        hear(&mut c, ms(at), &from_b);
        hear(&mut two.a, ms(at), &from_c);
        hear(&mut two.a, ms(at), &from_b);
    }
    // From now on b hears nothing of a but what c tells.
    let mut out = Vec::new();
    for at in (60..1000).step_by(60) {
        let from_a = beat(&mut two.a, ms(at));
        hear(&mut c, ms(at), &from_a);
        let from_c = beat(&mut c, ms(at));
        hear(&mut two.b, ms(at), &from_c);
        two.b.expire(ms(at), &mut out);
        assert_eq!(out, []);
    }
    let a = two.b.get(NodeId::of("a")).unwrap();
    assert!(a.alive && a.heard < ms(60));
}

#[test]
fn the_silent_are_poked_then_dead_and_a_goodbye_is_at_once() {
    let mut two = two();
    two.meet();
    assert_eq!(two.b.timeout(), ms(20 + 140));
    assert_eq!(two.b.questions(ms(160)), [(MAC, Body::Poke { node: NodeId::of("a") })]);
    assert_eq!(two.b.questions(ms(161)), [], "not at once again");
    let goodbye = two.a.message(ms(170), LEAVING, Body::Beat { version: 1, echoes: Vec::new() });
    let changes = hear(&mut two.b, ms(170), &goodbye);
    assert!(changes.contains(&Change::Down(NodeId::of("a"), Duration::ZERO)), "{changes:?}");
    let late = beat(&mut two.a, ms(171));
    assert_eq!(hear(&mut two.b, ms(172), &late), [], "what its goodbye overtook does not wake it");
}

#[test]
fn standing_still_makes_nobody_else_dead() {
    let mut two = two();
    two.meet();
    two.b.stood_still(ms(20_000));
    let mut out = Vec::new();
    two.b.expire(ms(20_200), &mut out);
    assert_eq!(out, []);
    assert!(!two.b.all_heard_since(ms(20_000)), "but it was not heard either");
}

#[test]
fn a_namesake_is_told_of() {
    let (mut one, mut other) = (members("n1", 1), members("n1", 2));
    let word = beat(&mut other, ms(0));
    assert_eq!(hear(&mut one, ms(0), &word), [Change::Namesake(MAC)]);
    let own = beat(&mut one, ms(10));
    assert_eq!(hear(&mut one, ms(10), &own), [], "its own words, come back, are nothing");
}

/// A beat waits until something is due, so a roster that left after it is heard before it.
#[test]
fn a_beat_heard_late_still_tells_of_a_newer_roster() {
    let mut two = two();
    two.meet();
    let roster =
        |version| Body::Roster { version, base: 0, part: 0, parts: 1, name: "a".to_owned(), listings: Vec::new() };
    let a = NodeId::of("a");
    let (lost, echoes) = (two.a.message(ms(30), 0, roster(2)), two.a.echoes(ms(30)));
    let waiting = two.a.message(ms(30), 0, Body::Beat { version: 3, echoes });
    let overtakes = two.a.message(ms(31), 0, Body::Poke { node: NodeId::of("b") });
    hear(&mut two.b, ms(31), &overtakes);
    assert!(two.b.get(a).is_some_and(Peer::in_step));
    hear(&mut two.b, ms(60), &waiting);
    assert!(!two.b.get(a).is_some_and(Peer::in_step), "it knows that it does not know");
    hear(&mut two.b, ms(61), &lost);
    assert!(!two.b.get(a).is_some_and(Peer::in_step), "an older word is none of how things are now");
    let repeated = two.a.message(ms(70), 0, roster(3));
    hear(&mut two.b, ms(70), &repeated);
    assert!(two.b.get(a).is_some_and(Peer::in_step));
}
