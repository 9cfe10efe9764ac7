/** Entry of the dashboard: providers and router, nothing else. */
import '@mantine/core/styles.css';
import 'uplot/dist/uPlot.min.css';
import './app/app.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './app/api';
import { router } from './app/router';
import { theme } from './app/theme';

// The page itself comes while the server says who asks for it.
const { pathname, search } = router.latestLocation;
const matches: readonly { routeId: keyof typeof router.routesById }[] = router.matchRoutes(pathname, search);
for (const { routeId } of matches) void router.loadRouteChunk(router.routesById[routeId]);

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
