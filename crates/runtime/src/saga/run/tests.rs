use kernel::Commands;

use super::*;

/// A trip of which somebody has to say where it goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trip(Option<String>);

impl Saga for Trip {
    const NAME: &'static str = "trip";

    fn steps() -> Steps<Self> {
        let goes = |trip: &mut Self, to| {
            trip.0 = Some(to);
            Ok(())
        };
        Steps::new().call::<Pack>(|_| Some(Pack), |_, ()| {}).wait::<String>(|_| Some(Timestamp::MAX), |_| Commands::none(), goes)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Pack;

impl kernel::Call for Pack {
    const SERVICE: &'static str = "home";
    const NAME: &'static str = "pack";
    type Reply = ();
}

fn asker() -> Asker {
    let meta = Meta { correlation: "story".into(), causation: "request".into(), caller: "ann".into(), trace: None };
    Asker { who: Who::Client { status: 200, collection: "trips".into(), key: None }, meta }
}

/// What comes of a command.
fn says(run: &mut Run<Trip>, command: RunCommand<Trip>) -> Result<(), String> {
    let events = run.decide(command, Timestamp::UNIX_EPOCH).map_err(|refused| refused.code.to_string())?;
    for event in &events {
        run.evolve(event, Timestamp::UNIX_EPOCH);
    }
    Ok(())
}

fn tell(to: &str) -> RunCommand<Trip> {
    RunCommand::Tell { what: format!("{to:?}"), asker: asker() }
}

/// Whoever makes its calls and hears late that the saga has gone on without them can neither end it nor turn it round: the key of a client
/// who was answered meanwhile would be free again.
#[test]
fn whoever_has_been_left_behind_moves_nothing() {
    let mut run = Run::<Trip>::default();
    let waits = || Move::Wait { step: 1, saga: Trip(None) };
    let passes = || Move::Pass { step: 1, saga: Trip(None) };
    let to = |stage, to| RunCommand::Move { stage, to };
    says(&mut run, RunCommand::Begin { saga: Trip(None), asker: asker() }).unwrap();
    says(&mut run, to(0, waits())).unwrap();
    for telling in 1..4_u32 {
        says(&mut run, tell("Busan")).unwrap();
        let now = telling * 2;
        for stage in 0..now {
            for late in [waits(), passes(), Move::Doubt, Move::Accept, Move::GiveUp { why: String::new() }] {
                assert_eq!(says(&mut run, to(stage, late)), Err(NOT_CURRENT.into()), "{stage} of {now}");
            }
        }
        says(&mut run, to(now, waits())).unwrap();
        assert_eq!(says(&mut run, to(now, Move::Doubt)), Err(NOT_CURRENT.into()), "it waits");
    }
    says(&mut run, RunCommand::TakeBack).unwrap();
    assert_eq!(run.phase, Phase::Compensating);
    assert_eq!(says(&mut run, to(6, Move::GiveUp { why: String::new() })), Err(NOT_CURRENT.into()));
    says(&mut run, to(7, Move::GiveUp { why: String::new() })).unwrap();
}

/// The calls behind a wait are others after it was told again; those before it stay what they are, to be undone.
#[test]
fn each_telling_has_calls_of_its_own() {
    let mut run = Run::<Trip>::default();
    let in_vain = |run: &Run<Trip>| [0, 1, 2, 3].map(|step| run.tellings.in_vain(step));
    says(&mut run, RunCommand::Begin { saga: Trip(None), asker: asker() }).unwrap();
    for (stage, count) in [(0, 0), (2, 1), (4, 2)] {
        says(&mut run, RunCommand::Move { stage, to: Move::Wait { step: 1, saga: Trip(None) } }).unwrap();
        says(&mut run, tell("Busan")).unwrap();
        assert_eq!(in_vain(&run), [0, 0, count, count]);
    }
}

/// The writer goes on from a snapshot, whoever drives it from all events: both have to know the stage, or none of its moves is ever taken.
#[test]
fn a_snapshot_that_does_not_say_how_far_it_is_is_none() {
    let mut run = Run::<Trip>::default();
    says(&mut run, RunCommand::Begin { saga: Trip(None), asker: asker() }).unwrap();
    let whole = serde_json::to_value(&run).unwrap();
    serde_json::from_value::<Run<Trip>>(whole.clone()).unwrap();
    for field in ["stage", "tellings"] {
        let mut older = whole.clone();
        older.as_object_mut().unwrap().remove(field).unwrap();
        assert!(serde_json::from_value::<Run<Trip>>(older).is_err(), "{field}");
    }
}
