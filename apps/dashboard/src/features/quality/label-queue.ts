/**
 * The queue as one person works through it: taken in small batches ahead of time, each label sent at once, the last ones undone one by
 * one. A page that is loaded again goes on where it was; what is left is given back when the page is left.
 */
import type { ApiError, Resource } from '@tinyfleet/contracts';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { client, queryClient } from '../../app/api';

type Item = Resource<'LabelItem'>;
export interface Done {
  readonly item: Item;
  /** Class, or null: skipped. */
  readonly chosen: number | null;
}
export interface Queue {
  readonly current: Item | undefined;
  readonly done: readonly Done[];
  readonly isLoading: boolean;
  readonly error: ApiError | null;
  readonly label: (index: number) => void;
  readonly skip: () => void;
  readonly undo: () => void;
  readonly retry: () => void;
}

const BATCH = 10;
/** Taken again when so few are left. */
const FEW = 3;

const keyOf = ({ device, bootId, inferenceIndex }: Item) => ({ device, bootId, inferenceIndex });
const idOf = ({ device, bootId, inferenceIndex }: Item): string => `${device} ${bootId} ${inferenceIndex}`;
const same = (a: Item, b: Item): boolean => idOf(a) === idOf(b);

export function useLabelQueue(project: string): Queue {
  const params = { project };
  const [items, setItems] = useState<readonly Item[]>([]);
  const [done, setDone] = useState<readonly Done[]>([]);
  const [isLoading, setIsLoading] = useState(true);
  const [error, setError] = useState<ApiError | null>(null);
  /** One thing after the other: an undo never overtakes its label. */
  const line = useRef<Promise<unknown>>(Promise.resolve());
  const left = useRef<readonly Item[]>([]);
  /** Labelled or skipped in this visit: a claim that was under way before still has them. */
  const settled = useRef(new Set<string>());
  useEffect(() => {
    left.current = items;
  }, [items]);

  const inTurn = (work: () => Promise<unknown>) => {
    line.current = line.current.then(work).then(
      () => setError(null),
      (problem: unknown) => setError(problem as ApiError),
    );
    return line.current;
  };
  const count = () => void queryClient.invalidateQueries({ queryKey: [project, 'labelQueue'] });
  const take = () =>
    inTurn(async () => {
      try {
        const { items: taken } = await client.call('labelClaim', {
          params,
          body: { count: BATCH, resume: true },
        });
        const fresh = taken.filter((one) => !settled.current.has(idOf(one)));
        setItems((known) => [...known, ...fresh.filter((one) => !known.some((own) => same(own, one)))]);
      } finally {
        setIsLoading(false);
        count();
      }
    });

  const begin = useEffectEvent(() => void take());
  const leave = useEffectEvent(() => {
    if (left.current.length === 0) return;
    const body = { items: left.current.slice(0, 100).map(keyOf) };
    void line.current.then(() => client.call('labelReturn', { params, body })).then(count, count);
  });
  useEffect(() => {
    begin();
    return () => leave();
  }, [project]);

  const [current] = items;
  const settle = (chosen: number | null) => {
    if (current === undefined) return;
    const rest = items.slice(1);
    settled.current.add(idOf(current));
    setItems((known) => known.filter((one) => !same(one, current)));
    setDone((known) => [...known, { item: current, chosen }]);
    void inTurn(async () => {
      const { device, bootId, inferenceIndex } = current;
      try {
        if (chosen === null)
          await client.call('labelSkip', { params, body: { items: [keyOf(current)], note: '' } });
        else
          await client.call('labelsPost', {
            params,
            body: { labels: [{ device, bootId, inferenceIndex, label: chosen }], source: 'queue' },
          });
      } catch (problem) {
        // It comes back to the front: nothing that was refused counts as done.
        settled.current.delete(idOf(current));
        setDone((known) => known.filter((one) => !same(one.item, current)));
        setItems((known) => [current, ...known]);
        throw problem;
      } finally {
        count();
      }
    });
    if (rest.length <= FEW) void take();
  };
  const undo = () => {
    const last = done.at(-1);
    if (last === undefined) return;
    setDone((known) => known.slice(0, -1));
    void inTurn(async () => {
      try {
        const { items: back } = await client.call('labelUndo', {
          params,
          body: { items: [keyOf(last.item)] },
        });
        settled.current.delete(idOf(last.item));
        setItems((known) => [...back, ...known.filter((one) => !same(one, last.item))]);
      } finally {
        count();
      }
    });
  };
  return {
    current,
    done,
    isLoading,
    error,
    label: (index) => settle(index),
    skip: () => settle(null),
    undo,
    retry: () => {
      setIsLoading(true);
      void take();
    },
  };
}
