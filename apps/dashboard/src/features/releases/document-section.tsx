/** A document about a release: looked through here, kept as the file it is. */
import { Button } from '@mantine/core';
import type { ApiError } from '@tinyfleet/contracts';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Loaded, Section } from '../../components/page';

export function DocumentSection<T>(props: {
  title: string;
  about: string;
  query: UseQueryResult<T, ApiError>;
  /** Name of the button. */
  verb: string;
  fileName: string;
  /** As it was hashed, where that matters. */
  text: (data: T) => string;
  children: (data: T) => ReactNode;
}) {
  const { query } = props;
  return (
    <Section
      title={props.title}
      about={props.about}
      actions={
        query.data === undefined ? null : (
          <Button
            size="compact-sm"
            variant="default"
            component="a"
            download={props.fileName}
            href={`data:application/json;charset=utf-8,${encodeURIComponent(props.text(query.data))}`}
          >
            {props.verb}
          </Button>
        )
      }
    >
      <Loaded query={query} height={140}>
        {props.children}
      </Loaded>
    </Section>
  );
}
