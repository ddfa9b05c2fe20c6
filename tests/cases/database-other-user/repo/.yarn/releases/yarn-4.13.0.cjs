// Stands for the release that `yarn set version` puts here.
