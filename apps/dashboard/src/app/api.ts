/**
 * The dashboard's only way to the server: the typed client with the session cookie, and hooks over it. A query is
 * keyed by project, route and input, so live events can say which of them are stale.
 */
import {
  createClient,
  ApiError,
  type CallInput,
  type CallOutput,
  type RouteName,
} from '@tinyfleet/contracts';
import {
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query';

export const client = createClient({ baseUrl: '' });

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      retry: (count, error) =>
        count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

function keyOf(name: RouteName, input: unknown): readonly unknown[] {
  const project = (input as { params?: { project?: string } } | undefined)?.params?.project ?? '';
  return [project, name, input ?? {}];
}

interface Options {
  readonly enabled?: boolean;
  /** Milliseconds; for what has no events. */
  readonly refetchInterval?: number;
}

/** Milliseconds that a page which comes back has for itself. */
const DRAW_FIRST_MS = 100;
/** When somebody began to show it. */
const shownAt = new WeakMap<object, number>();
queryClient.getQueryCache().subscribe(({ type, query }) => {
  if (type === 'observerAdded') shownAt.set(query, performance.now());
});

/** A page that comes back is drawn from what is known before any of it is read again. */
async function drawFirst(queryKey: readonly unknown[]): Promise<void> {
  const query = queryClient.getQueryCache().find({ queryKey });
  if (query?.state.data === undefined) return;
  const leftMs = (shownAt.get(query) ?? -Infinity) + DRAW_FIRST_MS - performance.now();
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
}

/** Reads a route; live events refresh it. */
export function useApi<N extends RouteName>(
  name: N,
  input?: CallInput<N>,
  options: Options = {},
): UseQueryResult<CallOutput<N>, ApiError> {
  return useQuery<CallOutput<N>, ApiError>({
    queryKey: keyOf(name, input),
    queryFn: async ({ signal, queryKey }) => {
      await drawFirst(queryKey);
      return await client.call(name, { ...input, signal } as CallInput<N>);
    },
    placeholderData: (previous) => previous,
    ...options,
  });
}

interface PageOf<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}
type ItemOf<N extends RouteName> = CallOutput<N> extends { items: (infer T)[] } ? T : never;

/** Pages of a list that events read again. A longer one is marked as old and read again when somebody asks. */
const LIVE_PAGES = 5;

/** `data`: what a query holds. */
export function isLongList(data: unknown): boolean {
  const pages = (data as { pages?: unknown[] } | undefined)?.pages;
  return Array.isArray(pages) && pages.length > LIVE_PAGES;
}

/** Begins a list anew from its first page. */
export function resetList<N extends RouteName>(name: N, input: CallInput<N>): void {
  void queryClient.resetQueries({ queryKey: listKeyOf(name, input) });
}

/** Pages and a single answer of one route are not the same data. */
const listKeyOf = (name: RouteName, input: unknown): readonly unknown[] => [...keyOf(name, input), 'pages'];

/** Of the pages after those: somebody reads far, and ever more requests would only hold it up. */
const LONG_PAGE = 500;

/** Which page; without a limit, as long as the others. */
interface PageParam {
  readonly cursor?: string;
  readonly limit?: number;
}
const FIRST_PAGE: PageParam = {};

/**
 * Reads a keyset-paged list; `fetchNextPage` appends.
 * @param keep what stays in memory of an item, the same for all users of a list: a list of 100,000 that is read to its end is what the
 * browser's collector of garbage has to walk
 */
export function useApiList<N extends RouteName, T = ItemOf<N>>(
  name: N,
  input: CallInput<N>,
  keep?: (items: ItemOf<N>[]) => T[],
) {
  const given = input as { query?: Record<string, unknown> };
  return useInfiniteQuery({
    queryKey: listKeyOf(name, input),
    initialPageParam: FIRST_PAGE,
    queryFn: async ({ signal, pageParam }) => {
      const { cursor, ...length } = pageParam;
      const query = { ...given.query, ...length, cursor };
      const page = (await client.call(name, { ...input, query, signal })) as unknown as PageOf<ItemOf<N>>;
      return (keep === undefined ? page : { ...page, items: keep(page.items) }) as PageOf<T>;
    },
    getNextPageParam: ({ nextCursor }, pages): PageParam | null =>
      nextCursor === null
        ? null
        : { cursor: nextCursor, ...(pages.length < LIVE_PAGES ? {} : { limit: LONG_PAGE }) },
    placeholderData: (previous) => previous,
  });
}

/**
 * Calls a route that changes something, then refreshes every query of the project; `refresh: false` when afterwards
 * there is nothing left to read.
 */
export function useAction<N extends RouteName>(
  name: N,
  onSuccess?: (output: CallOutput<N>) => void,
  options: { readonly refresh?: boolean } = {},
): UseMutationResult<CallOutput<N>, ApiError, CallInput<N>> {
  return useMutation<CallOutput<N>, ApiError, CallInput<N>>({
    mutationFn: (input) => client.call(name, input),
    onSuccess: (output, input) => {
      const project = (input as { params?: { project?: string } } | undefined)?.params?.project;
      if (options.refresh !== false) {
        void queryClient.invalidateQueries(project === undefined ? undefined : { queryKey: [project] });
      }
      onSuccess?.(output);
    },
  });
}
