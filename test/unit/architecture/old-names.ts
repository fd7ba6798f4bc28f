/** Names of before the restructuring that mean nothing else here. New code uses the terms of the glossary. */
export const oldNames: ReadonlySet<string> = new Set(
  `
  AuthorError AuthoringError OwnDriver PlatformCommon FloorContext callerOf framesOf registrationsOf inUnit
  asPrinted AsPrinted Ground RunGround containerGroup relativeGroup insideTap undoneBy forRun Obstacle
   inImage memoryKills familyOf undecidable vsNative crowded-host near-margin instrument-absent
  needs-figure platform-absent config-mismatch part-undecided cache-suspect moreRounds foreignToClient
  native-again Undoing Ledger LeftLedger ledgers forgetLedger OpenPlace openPlace openRunGround RunKeeper
  initialFolder killGroup whatHappened makeView makeTinyRoot Cores assignCores assignPair coresOf readPressure
  waitedOf runnableNow memoryWatch freeBlock subnetsFrom lacksProgram unusedParts endLoopsAfter bootLimit
  importLimit PlaceOptions RunGroundOptions PressureReading ownRequirements inCgroup conductOnce
  conductOpen enterGuest GuestTold memoryKillsBy memoryKillsIn tinyGuest tinyProgram floorKernel floorMiB
  ranToItsEnd probeKvmAnew kvmObstacle nestedKvm guestParts diskFor takesDirectIo newNonce Idling totalOf
  Gated Keeper followGroup Doors doorsOf Followed idlingOf gateOf CellProfile weightedOf InstrumentError Means
  Slots Enterable ClientPlace SpentMs disturbedFrom severalOf meetingOf isInVain inProfile shardOf
  runsHere isForDuet unfitImage inTurn withoutAbsent partsOf ensureParts untilInterrupted tellEnd tellAll
   orderOf takeTraced watchMemory judgeOne judgeSome judgeOrder notWorse equalSatisfies beyondDoubt
  isBeyond withFloor withCrowd withClient membersOf isMixed subjectsOf requiredOf seenBy fewestRounds
  fewestMembers LookPlan signOf Judgement printedVerdict qualitatively looksOf pValueFor apartOf
  testOf boundFrom marginOf LookData LookOptions decideAtLook boundOrder floorsFor noiseOf sweepRate
  refuseUnlike compareLike keepNoise keepWeights renumbered checkTwice historyAround lackingPrograms
  firstState nextState FigureChange withoutClaims isForeign identityOf planOf partOf measureHere wholeSuite
  openReporters everyNow jobAnew jobInBackground groupByMachine MachineHistory KnownPlatform parsePlaces
  ReporterKind absentees Ink inkFor paintOf markdownText documentKind restingHtml lookOf inFamilies decisiveOf
  figureOf movedOf quickNote verdictOn legendOf beforeOf viewOf writeWhole rowHead seriesPicture wantsLog
  toneOf tableOf Wording wholeSeconds mostRecords jsonIn numberAt numberAfter namedIn runtimeObstacle
  removingAll removingContainers Surroundings openContainer overRuntime onlyOverRunsc notRuntime modeApart
  modeObstacle shimWith shimOf rootlessObstacle giveData withoutHybrid machineOf floorOf onlyErrors canPause
  leaderOf systemdUp oncePer lostOf symbolsOf told having anew keptOf cellOf cellsA cellsB problemsTold toldAt wholly
  Instrument instrument instruments probeInstruments hasRegressed fingerprintDifferences runFingerprint guestOomKills
  missingProgram ISOBENCH_MACHINE ISOBENCH_MACHINE_BINARIES ISOBENCH_MACHINE_ROUNDS
  `
    .trim()
    .split(/\s+/),
)
