/** The paper's findings on isolation (§4, Fig. 18): this suite has no bench that traces the host's kernel yet. */
import { finding } from 'isobench'

const undecided = [
  'the horizontal attack profile, the host kernel functions that a platform calls: no bench traces the host kernel',
]

finding(24, 'Firecracker calls into the host kernel most often of all platforms', [], { undecided })
finding(25, 'Cloud Hypervisor calls very few functions of the host kernel', [], { gate: 'never', undecided })
finding(26, 'The secure containers call more of the host kernel than the regular containers', [], { undecided })
finding(27, 'OSv calls the host kernel sparingly, so a hypervisor need not mean a wide profile', [], { undecided })

/** Qualitative: an argument about what the profile cannot show, which a measurement can only illustrate. */
finding(28, 'The horizontal attack profile does not capture defence in depth', [], {
  gate: 'never',
  undecided: [...undecided, 'the finding is an argument about the metric, not a measurement'],
})
