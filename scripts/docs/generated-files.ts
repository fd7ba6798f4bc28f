import { cliPage } from './cli-page.ts'
import { hostsPage } from './hosts-page.ts'
import { schemaPages } from './schema-pages.ts'
import { schemaFiles } from './schemas.ts'

/** Every generated file of this repository, by its path. A unit test compares them with the committed ones. */
export const generatedFiles = (): Record<string, string> => ({
  ...schemaFiles(),
  ...schemaPages(),
  ...cliPage(),
  ...hostsPage(),
})
