/* A stand-in for Backstage's Yarn plugin, written for these tests: the same hook and resolver, and a manifest from
 * BACKSTAGE_MANIFEST_FILE alone. */
module.exports = {
  name: '@yarnpkg/plugin-backstage',
  factory: require => {
    const { structUtils } = require('@yarnpkg/core');
    const { NpmSemverResolver } = require('@yarnpkg/plugin-npm');
    const { readFileSync } = require('fs');
    const npm = descriptor => `npm:^${structUtils.parseRange(descriptor.range).params.npm}`;
    return {
      default: {
        hooks: {
          reduceDependency(dependency, project) {
            const range = structUtils.parseRange(dependency.range);
            if (range.protocol !== 'backstage:' || range.params) return dependency;
            const manifest = JSON.parse(readFileSync(process.env.BACKSTAGE_MANIFEST_FILE, 'utf8'));
            const { version } = JSON.parse(readFileSync(`${project.cwd}/backstage.json`, 'utf8'));
            if (version !== manifest.releaseVersion) throw new Error(`manifest of ${manifest.releaseVersion}`);
            const name = structUtils.stringifyIdent(dependency);
            const found = manifest.packages.find(candidate => candidate.name === name);
            if (!found) throw new Error(`${name} is not in the manifest`);
            return structUtils.bindDescriptor(dependency, { backstage: version, npm: found.version });
          },
        },
        resolvers: [
          class {
            supportsDescriptor = descriptor => descriptor.range.startsWith('backstage:');
            supportsLocator = () => false;
            bindDescriptor = descriptor => descriptor;
            getResolutionDependencies = d => ({
              [structUtils.stringifyIdent(d)]: structUtils.makeDescriptor(d, npm(d)),
            });
            getCandidates = (d, dependencies, opts) =>
              new NpmSemverResolver().getCandidates(structUtils.makeDescriptor(d, npm(d)), dependencies, opts);
          },
        ],
      },
    };
  },
};
