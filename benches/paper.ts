/** Where the paper states a finding. */
import type { FindingSource } from 'isobench'

/**
 * @param section number of the section
 * @param figures numbers of the figures that show it
 */
export const paper = (section: string, ...figures: number[]): FindingSource => ({
  title: 'van Rijn and Rellermeyer, Middleware 2021',
  doi: '10.1145/3464298.3493404',
  section,
  figures,
})
